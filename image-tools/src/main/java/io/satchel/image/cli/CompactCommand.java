package io.satchel.image.cli;

import io.satchel.image.Images;
import io.satchel.image.OpenedImage;
import io.satchel.image.compact.Compact;
import io.satchel.image.compact.Compact.Plan;
import io.satchel.image.compact.Compact.Saving;
import io.satchel.image.file.HostFile;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code compact}: makes an image smaller without starting it. */
@Command(
    name = "compact",
    description = {
      "Makes an image smaller by leaving out what its file systems call free.",
      "ext2, ext3, ext4, XFS, btrfs, NTFS, FAT, exFAT and Linux swap are known, in LVM too.",
      "What else there is stays whole.",
      "The image is replaced only when every byte in use has been compared.",
      "Snapshots, bitmaps and backing files stay."
    })
final class CompactCommand extends ImageCommand {
  @Option(names = "-c", description = "Compress (qcow2).")
  boolean compress;

  @Option(names = "--zstd", description = "Compress with zstd (qcow2).")
  boolean zstd;

  @Option(
      names = "--fast",
      description = "Give space back in place, without a copy; for raw images.")
  boolean fast;

  @Option(names = "--preview", description = "Only tell what would be saved.")
  boolean preview;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Parameters(paramLabel = "IMAGE", description = "The image.")
  String image = "";

  CompactCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    Named named = named(image, format);
    if (preview) {
      try (OpenedImage opened = Images.open(named.path(), options(named, false))) {
        print(Compact.plan(opened));
      }
      return 0;
    }
    final long before = taken(named);
    if (fast) {
      try (OpenedImage opened = Images.open(named.path(), options(named, true))) {
        print(Compact.punch(opened));
      }
    } else {
      Map<String, String> more = new HashMap<>();
      if (zstd) {
        more.put("compression_type", "zstd");
      }
      print(
          Compact.run(
              named.path(),
              options(named, false),
              compress || zstd,
              more,
              terminal.progress(progress, quiet)));
    }
    say("Disk size: " + Sizes.human(before) + " before, " + Sizes.human(taken(named)) + " after");
    return 0;
  }

  private static long taken(Named named) throws IOException {
    try (HostFile file = HostFile.open(named.path(), false, HostFile.Locking.NO)) {
      return file.allocated();
    }
  }

  private void print(Plan plan) {
    for (Saving each : plan.savings()) {
      say(
          each.kind()
              + (each.label().isEmpty() ? "" : " " + each.label())
              + " at byte "
              + each.start()
              + ": "
              + Sizes.human(each.free())
              + " of "
              + Sizes.human(each.size())
              + " free, "
              + Sizes.human(each.stored())
              + " of that stored");
    }
    if (plan.savings().isEmpty()) {
      say("No file system that is known; only zeros can be left out");
    }
  }
}
