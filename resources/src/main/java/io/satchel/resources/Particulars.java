package io.satchel.resources;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The clauses that errors of disk images say after the file's name, in Chinese. The libraries speak
 * English; what comes up often enough to be read has a line in {@code particulars_zh_CN.txt}.
 */
public final class Particulars {

  private static final String FILE = "/io/satchel/resources/i18n/particulars_zh_CN.txt";
  private static final String BETWEEN = " => ";

  private final List<Clause> clauses;

  private record Clause(Pattern english, String chinese) {}

  private Particulars(List<Clause> clauses) {
    this.clauses = clauses;
  }

  /** Reads the list. */
  public static Particulars chinese() {
    try (InputStream in = Particulars.class.getResourceAsStream(FILE)) {
      if (in == null) {
        throw new IllegalStateException("the program's own file " + FILE + " is missing");
      }
      BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
      return new Particulars(
          lines
              .lines()
              .filter(line -> !line.startsWith("#") && !line.isBlank())
              .map(Particulars::clause)
              .toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Clause clause(String line) {
    int between = line.indexOf(BETWEEN);
    return new Clause(
        Pattern.compile(line.substring(0, between)), line.substring(between + BETWEEN.length()));
  }

  /** The same in Chinese; empty when it is not on the list. */
  public Optional<String> of(String english) {
    for (Clause clause : clauses) {
      Matcher found = clause.english.matcher(english);
      if (found.matches()) {
        return Optional.of(found.replaceFirst(clause.chinese));
      }
    }
    return Optional.empty();
  }
}
