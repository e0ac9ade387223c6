package io.satchel.image.cli;

import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.block.Watch;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.file.HostFile;
import io.satchel.image.format.CheckReport;
import io.satchel.image.format.Checkable;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code check}: finds contradictions in an image, and repairs them. */
@Command(
    name = "check",
    description = "Finds contradictions in an image, and repairs them.",
    exitCodeListHeading = "Exit status:%n",
    exitCodeList = {
      "0:no error is left",
      "1:the check could not be done",
      "2:there are errors",
      "3:there are leaked clusters and no errors",
      "63:this format has no check"
    })
final class CheckCommand extends ImageCommand {
  private static final int CORRUPT = 2;
  private static final int LEAKS = 3;
  private static final int UNSUPPORTED = 63;

  @Option(
      names = "--output",
      paramLabel = "human|json",
      description = "For a person (the default) or for a program.",
      defaultValue = "human")
  OutputFormat output = OutputFormat.human;

  @Option(names = "-r", paramLabel = "WHAT", description = "Repair: leaks or all.")
  @Nullable String repair;

  @Option(
      names = "-T",
      paramLabel = "CACHE",
      description = "What a flush waits for: none, writeback, writethrough, directsync, unsafe.")
  String cache = "writeback";

  @Parameters(paramLabel = "IMAGE", description = "The image.")
  String image = "";

  CheckCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    cacheMode(cache);
    if (repair != null && !repair.equals("leaks") && !repair.equals("all")) {
      throw new UsageException("-r option expects 'leaks' or 'all', not '" + repair + "'");
    }
    Named named = named(image, format);
    String kind = named.format() == null ? Images.probe(named.path()) : named.format();
    ImageFormat known = Formats.named(kind);
    List<String> checked = List.of("qcow2", "qed", "vdi", "vhdx", "vmdk", "parallels");
    if (known == null || !checked.contains(kind)) {
      terminal.err.println("satchel img: This image format does not support checks");
      return UNSUPPORTED;
    }
    CheckReport report;
    HostFile.Locking locking = share ? HostFile.Locking.NO : HostFile.Locking.YES;
    try (HostFile file = HostFile.open(named.path(), repair != null, locking);
        LayeredDevice opened = known.open(file, Purpose.INSPECT, Passphrase.unneeded())) {
      Checkable device = (Checkable) opened;
      if (repair != null && !device.repairable()) {
        terminal.err.println("satchel img: This image format does not support checks");
        return UNSUPPORTED;
      }
      Watch watch = terminal.watch(quiet || repair == null);
      report = device.check(repair != null, "all".equals(repair), watch);
      if (report.corruptionsFixed() + report.leaksFixed() > 0) {
        // What is left after a repair is what a second look finds.
        CheckReport after = device.check(false, false);
        report =
            new CheckReport(
                after.corruptions(),
                after.leaks(),
                report.corruptionsFixed(),
                report.leaksFixed(),
                after.checkErrors(),
                after.imageEndOffset(),
                after.totalClusters(),
                after.allocatedClusters(),
                after.fragmentedClusters(),
                after.compressedClusters(),
                report.messages());
      }
    }
    if (output == OutputFormat.json) {
      terminal.out.println(Json.pretty(json(report, named.path().toString(), kind)));
    } else if (!quiet) {
      print(report);
    }
    if (report.checkErrors() > 0) {
      return ImgCommand.FAILED;
    }
    return report.corruptions() > 0 ? CORRUPT : report.leaks() > 0 ? LEAKS : 0;
  }

  private static Map<String, Object> json(CheckReport r, String name, String kind) {
    Map<String, Object> map = new LinkedHashMap<>();
    putNonZero(map, "image-end-offset", r.imageEndOffset());
    putNonZero(map, "total-clusters", r.totalClusters());
    map.put("check-errors", r.checkErrors());
    putNonZero(map, "corruptions", r.corruptions());
    putNonZero(map, "leaks", r.leaks());
    putNonZero(map, "corruptions-fixed", r.corruptionsFixed());
    putNonZero(map, "leaks-fixed", r.leaksFixed());
    putNonZero(map, "allocated-clusters", r.allocatedClusters());
    putNonZero(map, "fragmented-clusters", r.fragmentedClusters());
    putNonZero(map, "compressed-clusters", r.compressedClusters());
    map.put("filename", name);
    map.put("format", kind);
    return map;
  }

  private static void putNonZero(Map<String, Object> map, String name, long value) {
    if (value != 0) {
      map.put(name, value);
    }
  }

  private void print(CheckReport r) {
    r.messages().forEach(terminal.err::println);
    var out = terminal.out;
    if (r.corruptionsFixed() > 0 || r.leaksFixed() > 0) {
      out.println("The following inconsistencies were found and repaired:");
      out.println();
      out.println("    " + r.leaksFixed() + " leaked clusters");
      out.println("    " + r.corruptionsFixed() + " corruptions");
      out.println();
      out.println("Double checking the fixed image now...");
    }
    if (r.corruptions() == 0 && r.leaks() == 0 && r.checkErrors() == 0) {
      out.println("No errors were found on the image.");
    } else {
      if (r.corruptions() > 0) {
        out.println();
        out.println(r.corruptions() + " errors were found on the image.");
        out.println("Data may be corrupted, or further writes to the image may corrupt it.");
      }
      if (r.leaks() > 0) {
        out.println();
        out.println(r.leaks() + " leaked clusters were found on the image.");
        out.println("This means waste of disk space, but no harm to data.");
      }
      if (r.checkErrors() > 0) {
        out.println();
        out.println(r.checkErrors() + " internal errors have occurred during the check.");
      }
    }
    if (r.totalClusters() != 0 && r.allocatedClusters() != 0) {
      out.printf(
          Locale.ROOT,
          "%d/%d = %.2f%% allocated, %.2f%% fragmented, %.2f%% compressed clusters%n",
          r.allocatedClusters(),
          r.totalClusters(),
          r.allocatedClusters() * 100.0 / r.totalClusters(),
          r.fragmentedClusters() * 100.0 / r.allocatedClusters(),
          r.compressedClusters() * 100.0 / r.allocatedClusters());
    }
    if (r.imageEndOffset() > 0) {
      out.println("Image end offset: " + r.imageEndOffset());
    }
  }
}
