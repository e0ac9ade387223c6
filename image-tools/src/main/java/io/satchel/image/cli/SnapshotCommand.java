package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code snapshot}: lists, takes, applies and deletes internal snapshots. */
@Command(name = "snapshot", description = "Lists, takes, applies and deletes internal snapshots.")
final class SnapshotCommand extends ImageCommand {
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT);

  /** What to do; one of them. */
  static final class Action {
    @Option(names = "-l", description = "List the snapshots (the default).")
    boolean list;

    @Option(names = "-c", paramLabel = "NAME", description = "Take a snapshot.")
    @Nullable String create;

    @Option(names = "-a", paramLabel = "SNAPSHOT", description = "Make the disk what it was then.")
    @Nullable String apply;

    @Option(names = "-d", paramLabel = "SNAPSHOT", description = "Delete a snapshot.")
    @Nullable String delete;
  }

  @ArgGroup Action action = new Action();

  @Parameters(paramLabel = "IMAGE", description = "The image.")
  String image = "";

  SnapshotCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    boolean change = action.create != null || action.apply != null || action.delete != null;
    try (OpenedImage opened = open(image, format, change)) {
      if (!change) {
        if (opened.chain().getFirst().device() instanceof Qcow2Device device) {
          List<Object> all = new ArrayList<>();
          device.snapshots().list().forEach(s -> all.add(InfoCommand.snapshot(s)));
          if (!all.isEmpty()) {
            print(terminal.out, all);
          }
        }
        return 0;
      }
      Qcow2Device device = qcow2(opened, "snapshots");
      if (action.create != null) {
        device.snapshots().create(action.create, Instant.now(), 0, 0);
      } else if (action.apply != null) {
        device.snapshots().apply(action.apply);
      } else if (action.delete != null) {
        device.snapshots().delete(action.delete);
      }
    }
    return 0;
  }

  /** Prints the list as qemu-img does. */
  static void print(PrintStream out, List<?> snapshots) {
    out.println("Snapshot list:");
    out.printf(
        Locale.ROOT,
        "%-10s%-17s%8s%20s%13s%11s%n",
        "ID",
        "TAG",
        "VM SIZE",
        "DATE",
        "VM CLOCK",
        "ICOUNT");
    for (Object each : snapshots) {
      Map<?, ?> s = (Map<?, ?>) each;
      String date =
          DATE.format(
              Instant.ofEpochSecond(((Number) s.get("date-sec")).longValue())
                  .atZone(ZoneId.systemDefault()));
      long seconds = ((Number) s.get("vm-clock-sec")).longValue();
      long millis = ((Number) s.get("vm-clock-nsec")).longValue() / 1_000_000;
      String clock =
          String.format(
              Locale.ROOT,
              "%02d:%02d:%02d.%03d",
              seconds / 3600,
              seconds / 60 % 60,
              seconds % 60,
              millis);
      Object instructions = s.get("icount");
      out.printf(
          Locale.ROOT,
          "%-9s %-16s %8s%20s%13s%11s%n",
          s.get("id"),
          s.get("name"),
          Sizes.human(((Number) s.get("vm-state-size")).longValue()),
          date,
          clock,
          instructions == null ? "" : instructions.toString());
    }
  }
}
