package io.satchel.image.cli;

import io.satchel.image.Formats;
import io.satchel.image.Images;
import io.satchel.image.NewFile;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.Throttle;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.qcow2.DirtyBitmaps;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.operation.Convert;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code convert}: copies images into another, of any format. */
@Command(name = "convert", description = "Copies one or several images into a new one.")
final class ConvertCommand extends ImageCommand {
  @Option(
      names = "-O",
      paramLabel = "FORMAT",
      description = "The new image's format; raw if not given.")
  String targetFormat = "raw";

  @Option(names = "-c", description = "Compress (qcow2).")
  boolean compress;

  @Option(names = "-p", description = "Show progress.")
  boolean progress;

  @Option(names = "-n", description = "Write into an image that exists.")
  boolean existing;

  @Option(names = "--target-is-zero", description = "With -n: the target reads as zeros.")
  boolean targetIsZero;

  @Option(
      names = "-o",
      paramLabel = "NAME=VALUE,...",
      description = "The new format's options; `create -f FORMAT -o help` lists them.")
  @Nullable List<String> options;

  @Option(names = "-B", paramLabel = "FILE", description = "Lay the new image over this one.")
  @Nullable String backing;

  @Option(names = "-F", paramLabel = "FORMAT", description = "The format of the image of -B.")
  @Nullable String backingFormat;

  @Option(
      names = "-S",
      paramLabel = "SIZE",
      description = "Leave out runs of so many zeros; 0 writes everything. Default 4k.")
  @Nullable String sparse;

  @Option(names = "-l", paramLabel = "SNAPSHOT", description = "Copy this internal snapshot.")
  @Nullable String snapshot;

  @Option(names = "-m", paramLabel = "N", description = "How many requests at a time.")
  int parallel = Runtime.getRuntime().availableProcessors();

  @Option(names = "-W", description = "Write in any order; done anyway where it pays.")
  boolean anyOrder;

  @Option(
      names = "-r",
      paramLabel = "RATE",
      description = "Read at most so many bytes a second, so that others get on too.")
  @Nullable String rate;

  @Option(names = "--salvage", description = "Write zeros where the source cannot be read.")
  boolean salvage;

  @Option(names = "--bitmaps", description = "Copy the dirty bitmaps of the source too (qcow2).")
  boolean bitmaps;

  @Option(
      names = "--skip-broken-bitmaps",
      description = "With --bitmaps: leave out those that were in use in a crash.")
  boolean skipBrokenBitmaps;

  @Option(names = "-t", paramLabel = "CACHE", description = "Cache mode of the target.")
  String cache = "unsafe";

  @Option(names = "-T", paramLabel = "CACHE", description = "Cache mode of the source.")
  String sourceCache = "writeback";

  @Option(
      names = "--target-image-opts",
      description = "The target is given as driver=FORMAT,file.filename=FILE.")
  boolean targetOptions;

  @Parameters(paramLabel = "IMAGE", arity = "1..*", description = "The sources, then the target.")
  List<String> images = new ArrayList<>();

  @Override
  String formatHelp() {
    return "The sources' format; recognised by their content when not given.";
  }

  ConvertCommand(Terminal terminal) {
    super(terminal);
  }

  @Override
  public Integer call() throws IOException {
    cacheMode(sourceCache);
    if (images.size() < 2) {
      throw new UsageException("Must specify image file name and the new image's");
    }
    if (skipBrokenBitmaps && !bitmaps) {
      throw new UsageException("Use of --skip-broken-bitmaps requires --bitmaps");
    }
    if (bitmaps && images.size() > 2) {
      throw new UsageException("Copying bitmaps only possible with single source");
    }
    List<OpenedImage> sources = new ArrayList<>();
    try {
      for (String image : images.subList(0, images.size() - 1)) {
        OpenedImage source = open(image, format, false);
        sources.add(rate == null ? source : slowed(source, size(rate)));
        if (snapshot != null) {
          qcow2(source, "snapshots").snapshots().show(nameOf(snapshot));
        }
      }
      if (targetOptions && !existing) {
        throw new UsageException("--target-image-opts requires use of -n flag");
      }
      Named target = named(images.getLast(), targetFormat, targetOptions);
      convert(sources, target.path(), target);
    } finally {
      for (OpenedImage source : sources) {
        source.close();
      }
    }
    return 0;
  }

  private static OpenedImage slowed(OpenedImage image, long bytesPerSecond) {
    Throttle slow = new Throttle(image.device(), bytesPerSecond, 0, Throttle.Clock.SYSTEM);
    return new OpenedImage(slow, image.chain());
  }

  /** The name in snapshot.id=…,snapshot.name=…, or the word itself. */
  static String nameOf(String word) {
    Map<String, String> parts = parseOptions(List.of(word));
    String id = parts.get("snapshot.id");
    String name = parts.get("snapshot.name");
    return id != null ? id : name != null ? name : word;
  }

  private void convert(List<OpenedImage> sources, Path target, Named named) throws IOException {
    Map<String, String> all = parseOptions(options);
    if (backing != null) {
      all.put("backing_file", backing);
      if (backingFormat != null) {
        all.put("backing_fmt", backingFormat);
      }
    }
    long size = 0;
    for (OpenedImage source : sources) {
      size += source.device().size();
    }
    String given = all.remove("size");
    if (given != null) {
      size = size(given);
    }
    boolean overlaid = all.containsKey("backing_file");
    Convert.Options how =
        Convert.Options.plain()
            .withCompress(compress)
            .withSalvage(salvage)
            .withThreads(Math.max(1, Math.min(parallel, 16)))
            .withSparseBytes(sparse == null ? 4096 : (int) Math.min(size(sparse), 1 << 20));
    if (overlaid) {
      how = how.withCopyLayers(layersOver(sources, target, all.get("backing_file")));
      how = how.withTargetIsZero(false);
    }
    Progress listener = terminal.progress(progress, quiet);
    if (existing) {
      OpenOptions into =
          OpenOptions.forWriting()
              .withFormat(named.format())
              .withKeys(keys(named))
              .withCache(cacheMode(cache))
              .withBacking(BackingPolicy.OVERLAY);
      try (OpenedImage image = Images.open(target, into)) {
        copy(
            sources,
            (LayeredDevice) image.chain().getFirst().device(),
            how.withTargetIsZero(targetIsZero),
            listener);
      }
      return;
    }
    if (!compress && overlaid || !all.containsKey("preallocation")) {
      all.remove("preallocation");
    }
    ImageFormat kind = Formats.named(targetFormat);
    if (kind == null || !kind.creatable()) {
      throw new UsageException("Unknown file format '" + targetFormat + "'");
    }
    if (all.containsKey("data_file")) {
      Images.create(target, targetFormat, size, all, secrets());
      try (OpenedImage image =
          Images.open(
              target,
              OpenOptions.forWriting()
                  .withFormat(targetFormat)
                  .withBacking(BackingPolicy.ANYWHERE))) {
        copy(sources, (LayeredDevice) image.chain().getFirst().device(), how, listener);
      }
      return;
    }
    try (NewFile file = NewFile.at(target)) {
      kind.create(file.unclosable(), size, all, secrets());
      Passphrase key = passphrase(target, all);
      OpenedImage below = null;
      try {
        LayeredDevice device =
            kind instanceof io.satchel.image.format.qcow2.Qcow2Format qcow2
                ? qcow2.open(
                    file.unclosable(), Purpose.USE, cacheMode(cache) == CacheMode.UNSAFE, key)
                : kind.open(file.unclosable(), Purpose.USE, key);
        String name = all.get("backing_file");
        if (name != null) {
          below =
              Images.open(
                  Images.resolve(target, name, "backing file"),
                  OpenOptions.readOnly()
                      .withFormat(all.get("backing_fmt"))
                      .withLocking(false)
                      .withBacking(BackingPolicy.ANYWHERE));
          device.attachBacking(below.device());
        }
        try (device) {
          copy(sources, device, how, listener);
        }
      } finally {
        if (below != null) {
          below.close();
        }
      }
      file.keep();
    }
  }

  /** The content, and the dirty bitmaps where they are asked for. */
  private void copy(
      List<OpenedImage> sources, LayeredDevice target, Convert.Options how, Progress listener)
      throws IOException {
    if (!bitmaps) {
      Convert.run(sources, target, how, listener);
      return;
    }
    // Before the work: what cannot be copied is known now.
    Qcow2Device source = qcow2(sources.getFirst(), "bitmaps");
    if (!(target instanceof Qcow2Device into)) {
      throw new UsageException(
          "Format driver '" + targetFormat + "' does not support bitmaps; choose -O qcow2");
    }
    DirtyBitmaps.Copy copy = into.bitmaps().planCopy(source.bitmaps(), skipBrokenBitmaps);
    Convert.run(sources, target, how, listener);
    copy.run();
  }

  /** The new image's own, by the name in its options. */
  private Passphrase passphrase(Path target, Map<String, String> all) throws IOException {
    String id = all.getOrDefault("encrypt.key-secret", all.get("key-secret"));
    return id == null ? Passphrase.none() : Passphrase.of(secrets().get(target.toString(), id));
  }

  /** How many layers of the source lie over the file that the target is to lie over. */
  private static int layersOver(List<OpenedImage> sources, Path target, @Nullable String name)
      throws IOException {
    if (name == null || sources.size() != 1) {
      return Integer.MAX_VALUE;
    }
    Path below = Images.resolve(target, name, "backing file");
    var chain = sources.getFirst().chain();
    for (int i = 0; i < chain.size(); i++) {
      if (Files.exists(below) && Files.isSameFile(chain.get(i).path(), below)) {
        return i;
      }
    }
    return Integer.MAX_VALUE;
  }
}
