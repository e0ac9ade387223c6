package io.satchel.image.cli;

import io.satchel.image.OpenedImage;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code amend}: changes what an image is like, without copying it. */
@Command(name = "amend", description = "Changes an image's options without copying it.")
final class AmendCommand extends ImageCommand {
  @Option(
      names = "-o",
      paramLabel = "NAME=VALUE,...",
      required = true,
      description = "compat, lazy_refcounts, refcount_bits, size, backing_file, backing_fmt.")
  @Nullable List<String> options;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(names = "-t", paramLabel = "CACHE", description = "Cache mode.")
  String cache = "writeback";

  @Option(names = "--force", description = "Do what is dangerous, too.")
  boolean force;

  @Parameters(paramLabel = "IMAGE")
  String image = "";

  AmendCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    cacheMode(cache);
    var given = parseOptions(options);
    try (OpenedImage opened = open(image, format, true)) {
      Qcow2Device device = qcow2(opened, "options to change");
      OptionReader reader = new OptionReader(image, given);
      String compat = reader.textOrNull("compat");
      boolean lazy = given.containsKey("lazy_refcounts");
      boolean lazyOn = reader.flag("lazy_refcounts", false);
      long refcountBits = reader.size("refcount_bits", 0);
      String backing = reader.textOrNull("backing_file");
      String backingFormat = reader.textOrNull("backing_fmt");
      reader.end();
      if ("1.1".equals(compat) || "v3".equals(compat)) {
        device.upgrade();
      }
      if (refcountBits > 0) {
        device.setRefcountBits(refcountBits);
      }
      if (lazy) {
        device.setLazyRefcounts(lazyOn);
      }
      if (given.containsKey("size")) {
        device.resize(size(given.get("size")));
      }
      if (backing != null || backingFormat != null) {
        var old = device.backing();
        String name = backing != null ? backing : old == null ? null : old.name();
        String kind = backingFormat != null ? backingFormat : old == null ? null : old.format();
        device.setBacking(name == null || name.isEmpty() ? null : name, kind);
      }
      if ("0.10".equals(compat) || "v2".equals(compat)) {
        device.downgrade();
      } else if (compat != null && !List.of("1.1", "v3").contains(compat)) {
        throw new UsageException("Unknown compatibility level " + compat);
      }
    }
    return 0;
  }
}
