package io.satchel.vm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Collects what the suites of {@code -Pconformance} found, and writes {@code docs/conformance.md}
 * anew: each suite leaves a file in {@code target/conformance}, and the document is made of all of
 * them.
 */
public final class Conformance {

  private static final Path RESULTS = Path.of("target", "conformance");
  private static final Path DOCUMENT = Path.of("..", "docs", "conformance.md");

  /** As far as a table is read. */
  private static final int MOST_REASONS = 60;

  private Conformance() {}

  /**
   * Says how a suite went.
   *
   * @param suite its name, which stands in the table; suites are sorted by it
   * @param reasons a line for each case, or group of cases, that failed or was not run
   */
  public static void report(String suite, long cases, long passed, List<String> reasons) {
    try {
      Files.createDirectories(RESULTS);
      StringBuilder text = new StringBuilder();
      text.append(suite).append('\n');
      text.append("%d %d%n".formatted(cases, passed));
      reasons.stream().limit(MOST_REASONS).forEach(line -> text.append(line).append('\n'));
      if (reasons.size() > MOST_REASONS) {
        text.append("and ").append(reasons.size() - MOST_REASONS).append(" more\n");
      }
      String name = suite.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-");
      Files.writeString(RESULTS.resolve(name + ".txt"), text);
      write();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * What the rows of an opcode map have shown against the host's processor. A plain test run, which
   * has fewer cases a row, reports nothing.
   */
  public static final class Rows {
    private static final int LEAST_CASES = 10_000;

    private final String suite;
    private final List<String> differing = new ArrayList<>();
    private long cases;
    private long wrong;
    private long most;

    public Rows(String suite) {
      this.suite = suite;
    }

    /** A row has been compared. */
    public void compared(String row, long itsCases, long itsWrong) {
      most = Math.max(most, itsCases);
      cases += itsCases;
      wrong += itsWrong;
      if (itsWrong != 0) {
        differing.add("%s: %d of %d cases differ".formatted(row, itsWrong, itsCases));
      }
    }

    /** Reports the suite, if rows were compared in as many cases as the page is about. */
    public void report() {
      if (most >= LEAST_CASES) {
        Conformance.report(suite, cases, cases - wrong, differing);
      }
    }
  }

  private static void write() throws IOException {
    Map<String, List<String>> suites = new TreeMap<>();
    try (var files = Files.list(RESULTS)) {
      for (Path file : files.toList()) {
        List<String> lines = Files.readAllLines(file);
        suites.put(lines.getFirst(), lines.subList(1, lines.size()));
      }
    }
    StringBuilder text = new StringBuilder(INTRODUCTION);
    text.append("| suite | cases | passed | failed |\n|---|---:|---:|---:|\n");
    suites.forEach(
        (name, lines) -> {
          String[] counts = lines.getFirst().split(" ");
          long failed = Long.parseLong(counts[0]) - Long.parseLong(counts[1]);
          text.append("| %s | %s | %s | %d |%n".formatted(name, counts[0], counts[1], failed));
        });
    suites.forEach(
        (name, lines) -> {
          if (lines.size() > 1) {
            text.append("%n## %s%n%n".formatted(name));
            lines
                .subList(1, lines.size())
                .forEach(line -> text.append("- ").append(line).append('\n'));
          }
        });
    Files.writeString(DOCUMENT, text);
  }

  private static final String INTRODUCTION =
      """
      # Suites that prove the processor

      Written by `mvn verify -Pconformance`, which runs what stands here; do not edit. The row suites
      need nothing but a Linux host with an x86-64 processor. The others are no part of this
      repository: `docs/conformance-suites.md` says how each is fetched or built, outside of the
      tree, and `-Dsatchel.suites=FOLDER` names the folder. A suite that is not there is reported as
      skipped by the test run, and keeps the figures of its last run here.

      """;
}
