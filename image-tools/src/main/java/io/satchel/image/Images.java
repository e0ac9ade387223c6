package io.satchel.image;

import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.FilterDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.container.Container;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.dmg.DmgFormat;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.format.qcow2.Qcow2Format;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Opens image files, with everything that they lie over. */
public final class Images {
  /** How many backing files may follow one another. */
  private static final int MAX_DEPTH = 200;

  private Images() {}

  /**
   * Opens an image and its backing files.
   *
   * @throws ImageException if one of them cannot be opened, with the reason and the remedy
   */
  public static OpenedImage open(Path path, OpenOptions options) throws IOException {
    List<Layer> chain = new ArrayList<>();
    LayeredDevice device = new Opener(options, chain).open(path, options.format(), 0);
    return new OpenedImage(
        options.cache() == CacheMode.WRITETHROUGH ? new WriteThrough(device) : device, chain);
  }

  /** The qcow2 image that a disk's writes go to; null when it is of another format. */
  public static @Nullable Qcow2Device qcow2(BlockDevice disk) {
    BlockDevice layer = disk instanceof WriteThrough through ? through.layer() : disk;
    return layer instanceof Qcow2Device image ? image : null;
  }

  /**
   * The format of a file by its content: "raw" when nothing else fits.
   *
   * @throws ImageException if it cannot be read
   */
  public static String probe(Path path) throws IOException {
    try (HostFile file = HostFile.open(path, false, HostFile.Locking.NO)) {
      ImageFormat format = recognise(file);
      return format == null ? Formats.RAW.name() : format.name();
    }
  }

  /** The format of a file by its content, or null when nothing but raw fits. */
  private static @Nullable ImageFormat recognise(HostFile file) throws IOException {
    ImageFormat format = Formats.probe(head(file));
    if (format == null && file.name().toLowerCase(Locale.ROOT).endsWith(".dmg")) {
      // The mark stands at the end, which any guest can write: only such a name is looked at.
      ByteBuffer tail = ByteBuffer.allocate(512);
      file.read(Math.max(0, file.size() - 512), tail);
      return DmgFormat.probeTail(tail.clear()) ? Formats.named("dmg") : null;
    }
    return format;
  }

  /**
   * Creates an image. What stood there under that name is only replaced when all has succeeded.
   *
   * @param options by qemu-img's names
   */
  public static void create(Path path, String formatName, long size, Map<String, String> options)
      throws IOException {
    create(path, formatName, size, options, Secrets.none());
  }

  /**
   * As {@link #create(Path, String, long, Map)}, for an image that may be encrypted.
   *
   * @param secrets the pass phrases that options name
   */
  public static void create(
      Path path, String formatName, long size, Map<String, String> options, Secrets secrets)
      throws IOException {
    ImageFormat format = Formats.named(formatName);
    if (format == null || !format.creatable()) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          path,
          "is to be of the format " + formatName + ", which cannot be created",
          "choose another format, such as qcow2");
    }
    String dataFile = options.get("data_file");
    if (dataFile != null) {
      createDataFile(resolve(path, dataFile, "data file"), size);
    }
    try (NewFile file = NewFile.at(path)) {
      format.create(file.unclosable(), size, options, secrets);
      file.keep();
    }
  }

  private static void createDataFile(Path path, long size) throws IOException {
    if (!Files.exists(path)) {
      Files.createFile(path);
    }
    try (HostFile file = HostFile.open(path, true, HostFile.Locking.YES)) {
      file.setSize(size);
    }
  }

  static ByteBuffer head(HostFile file) throws IOException {
    ByteBuffer head = ByteBuffer.allocate((int) Math.min(ImageFormat.PROBE_BYTES, file.size()));
    file.read(0, head);
    return head.flip();
  }

  /** Opens one chain, from the top down. */
  private static final class Opener {
    private final OpenOptions options;
    private final List<Layer> chain;
    private final Set<Path> seen = new HashSet<>();

    Opener(OpenOptions options, List<Layer> chain) {
      this.options = options;
      this.chain = chain;
    }

    LayeredDevice open(Path path, @Nullable String formatName, int depth) throws IOException {
      boolean writable = options.writable() && depth == 0;
      HostFile file = hostFile(path, writable);
      LayeredDevice device = null;
      try {
        if (!seen.add(path.toRealPath()) || depth > MAX_DEPTH) {
          throw new ImageException(
              Kind.CORRUPT,
              path,
              seen.size() > MAX_DEPTH
                  ? "lies over more than " + MAX_DEPTH + " other images"
                  : "is its own backing file, directly or through others",
              "name another backing file with qemu-img rebase -u");
        }
        if (file.size() == 0) {
          throw new ImageException(
              Kind.EMPTY, path, "is empty", "download or copy it again, or choose another file");
        }
        // Before opening: a disk in several files closes the one that only describes it.
        String kind = formatNameOf(file, formatName);
        device =
            openFormat(file, depth == 0 ? options.through().apply(file) : file, formatName, depth);
        chain.add(new Layer(path, kind, device.size(), device));
        attach(path, device, depth);
        return device;
      } catch (IOException | RuntimeException e) {
        if (device != null) {
          device.close();
        }
        file.close();
        throw e;
      }
    }

    private static String formatNameOf(HostFile file, @Nullable String given) throws IOException {
      if (given != null) {
        return given;
      }
      ImageFormat format = recognise(file);
      return format == null ? Formats.RAW.name() : format.name();
    }

    private LayeredDevice openFormat(
        HostFile file, Storage through, @Nullable String name, int depth) throws IOException {
      ImageFormat format = name == null ? recognise(file) : Formats.named(name);
      if (format instanceof Container && options.writable() && depth == 0) {
        throw new ImageException(
            Kind.READ_ONLY,
            file.path(),
            "is packed (" + format.name() + "), so it can only be read",
            "unpack it, or convert it to qcow2");
      }
      if (format == null && name != null) {
        throw new ImageException(
            Kind.UNSUPPORTED,
            file.path(),
            "is said to be of the format " + name + ", which this program does not know",
            "convert it to qcow2 first");
      }
      if (format == null) {
        return Formats.RAW.openGuessed(through, head -> Formats.probe(head) != null);
      }
      if (format instanceof Qcow2Format qcow2) {
        return qcow2.open(
            through,
            Purpose.USE,
            options.cache() == CacheMode.UNSAFE,
            passphrase(file.path(), depth));
      }
      return format.open(through, Purpose.USE, passphrase(file.path(), depth));
    }

    private Passphrase passphrase(Path path, int depth) {
      byte[] given = options.answers().key(path);
      return given == null ? options.keys().at(depth) : Passphrase.of(given);
    }

    private void attach(Path path, LayeredDevice device, int depth) throws IOException {
      String dataFile = device.dataFile();
      if (dataFile != null && options.backing() != BackingPolicy.NONE) {
        if (dataFile.isEmpty()) {
          throw new ImageException(
              Kind.BACKING_MISSING,
              path,
              "keeps its data in another file and does not say in which",
              "ask where it came from for that file");
        }
        Path data = allowed(path, dataFile, depth, "data file");
        device.attachDataFile(hostFile(data, options.writable() && depth == 0));
      }
      LayeredDevice.BackingReference reference = device.backing();
      if (reference == null || options.backing() == BackingPolicy.NONE) {
        return;
      }
      device.attachBacking(
          open(below(path, device, reference, depth), reference.format(), depth + 1));
    }

    /** Where the file is that an image lies over. */
    private Path below(
        Path image, LayeredDevice device, LayeredDevice.BackingReference reference, int depth)
        throws IOException {
      Path moved = options.answers().below(image);
      if (moved != null) {
        return moved;
      }
      Path named = resolve(image, reference.name(), "backing file");
      if (!Files.exists(named)) {
        throw missing(image, device.backingMissing(named));
      }
      return allowed(image, reference.name(), depth, "backing file");
    }

    private HostFile hostFile(Path path, boolean writable) throws IOException {
      return HostFile.open(
          path,
          writable,
          options.locking() ? HostFile.Locking.YES : HostFile.Locking.NO,
          options.cache() == CacheMode.NONE);
    }

    private static ImageException missing(Path image, String problem) {
      return new ImageException(Kind.BACKING_MISSING, image, problem, "put that file there");
    }

    /** The file that a name in an image means, when it exists and may be opened. */
    private Path allowed(Path image, String name, int depth, String what) throws IOException {
      Path file = resolve(image, name, what);
      if (!Files.exists(file)) {
        throw missing(image, "needs its " + what + " " + file + ", which does not exist");
      }
      boolean anywhere =
          options.backing() == BackingPolicy.ANYWHERE
              || options.answers().mayLeave(image)
              || options.backing() == BackingPolicy.OVERLAY && depth == 0;
      if (!anywhere) {
        Path folder = image.toRealPath().getParent();
        if (folder == null || !file.toRealPath().startsWith(folder)) {
          throw new ImageException(
              Kind.BACKING_REFUSED,
              image,
              "asks for the " + what + " " + file + ", which lies outside its own folder",
              "move both into one folder if you trust the image");
        }
      }
      return file;
    }
  }

  /**
   * The file that a name in an image means: relative names start at the image's folder, whatever
   * colons they contain.
   *
   * @throws ImageException if it is not the name of a file
   */
  public static Path resolve(Path image, String name, String what) throws ImageException {
    if (name.startsWith("json:") || name.matches("[A-Za-z][A-Za-z0-9+.-]+://.*")) {
      throw new ImageException(
          Kind.BACKING_REFUSED,
          image,
          "names as its " + what + " something that is no file of this computer: " + name,
          "copy that here and rebase the image with qemu-img");
    }
    try {
      String plain = name.startsWith("file:") ? name.substring(5) : name;
      return image.toAbsolutePath().resolveSibling(plain).normalize();
    } catch (InvalidPathException e) {
      throw new ImageException(
          Kind.BACKING_MISSING,
          image,
          "has a " + what + " whose name is not possible here",
          "rebase the image with qemu-img",
          -1,
          e);
    }
  }

  /** Flushes after every change. */
  private static final class WriteThrough extends FilterDevice {
    WriteThrough(BlockDevice disk) {
      super(disk);
    }

    BlockDevice layer() {
      return disk;
    }

    @Override
    public void write(long offset, ByteBuffer source) throws IOException {
      disk.write(offset, source);
      disk.flush();
    }

    @Override
    public void writeZeroes(long offset, long length, boolean unmap) throws IOException {
      disk.writeZeroes(offset, length, unmap);
      disk.flush();
    }

    @Override
    public void discard(long offset, long length) throws IOException {
      disk.discard(offset, length);
      disk.flush();
    }
  }
}
