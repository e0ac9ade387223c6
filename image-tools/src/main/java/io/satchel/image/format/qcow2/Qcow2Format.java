package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.OptionReader;
import io.satchel.image.format.Preallocation;
import io.satchel.image.format.luks.LuksOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;

/** The qcow2 format: recognised, opened and created here. */
public final class Qcow2Format implements ImageFormat {
  @Override
  public String name() {
    return "qcow2";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= 8 && head.getInt(0) == Qcow2Header.MAGIC && head.getInt(4) >= 2;
  }

  @Override
  public Qcow2Device open(Storage file, Purpose purpose) throws IOException {
    return open(file, purpose, false);
  }

  @Override
  public Qcow2Device open(Storage file, Purpose purpose, Passphrase passphrase) throws IOException {
    return open(file, purpose, false, passphrase);
  }

  /**
   * Opens an image.
   *
   * @param unsafe never wait for the medium; for files that a crash may destroy
   */
  public Qcow2Device open(Storage file, Purpose purpose, boolean unsafe) throws IOException {
    return open(file, purpose, unsafe, Passphrase.none());
  }

  /** As above, for an image that may be encrypted. */
  public Qcow2Device open(Storage file, Purpose purpose, boolean unsafe, Passphrase passphrase)
      throws IOException {
    if (!probe(ByteBuffer.allocate(8).putLong(0, headWord(file)))) {
      throw new ImageException(
          Kind.INVALID_REQUEST, file.name(), "is not a qcow2 image", "open it as what it is");
    }
    Qcow2Header header = Qcow2Header.read(file);
    Qcow2Encryption encryption = Qcow2Encryption.open(file, header, passphrase);
    boolean use = purpose == Purpose.USE;
    if (use && header.corrupt() && !file.readOnly()) {
      throw new ImageException(
          Kind.CORRUPT,
          file.name(),
          "is marked as corrupt, so it may not be written",
          "repair a copy of it with `satchel img check -r all`",
          72,
          null);
    }
    Qcow2Image image = new Qcow2Image(file, header, encryption, unsafe);
    if (use) {
      if (header.dirty() && !file.readOnly()) {
        new Qcow2Check(image).repairDirty();
      }
      Truncation.refuse(image);
    }
    boolean readOnly = file.readOnly() || encryption != null && !encryption.writable();
    return new Qcow2Device(image, readOnly);
  }

  private static long headWord(Storage file) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(8);
    file.read(0, head);
    return head.getLong(0);
  }

  /** Lays out a new, empty image in an empty file. */
  public void create(Storage file, Qcow2Options options) throws IOException {
    Qcow2Creator.create(file, options, null);
  }

  @Override
  public Map<String, String> options() {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("backing_file", "File name of a base image");
    all.put("backing_fmt", "Image format of the base image");
    all.put("cluster_size", "qcow2 cluster size");
    all.put("compat", "Compatibility level (v2 [0.10] or v3 [1.1])");
    all.put("compression_type", "Compression method used for image cluster compression");
    all.put("data_file", "File name of an external data file");
    all.put("data_file_raw", "The external data file must stay valid as a raw image");
    all.put("encrypt.format", "Encrypt the image, format choices: 'luks'");
    all.putAll(LuksOptions.help("encrypt."));
    all.put("extended_l2", "Extended L2 tables");
    all.put("lazy_refcounts", "Postpone refcount updates");
    all.put("preallocation", "Preallocation mode (allowed values: off, metadata, falloc, full)");
    all.put("refcount_bits", "Width of a reference count entry in bits");
    return all;
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    create(file, size, options, Secrets.none());
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options, Secrets secrets)
      throws IOException {
    Qcow2Encryption.Request encrypted = Qcow2Encryption.Request.read(file.name(), options, secrets);
    Qcow2Options parsed = parse(file.name(), size, options);
    Qcow2Creator.create(file, parsed, encrypted);
    Preallocation mode = Preallocation.of(file, options);
    if (mode == Preallocation.OFF) {
      return;
    }
    if (parsed.backingName() != null && !parsed.extendedL2()) {
      throw OptionReader.impossible(
          file.name(), "cannot be preallocated over a backing file without subclusters");
    }
    Passphrase key = encrypted == null ? Passphrase.none() : Passphrase.of(encrypted.passphrase());
    Qcow2Device device = open(file, Purpose.USE, true, key);
    device.preallocate(mode);
  }

  /** The options of a new image from qemu-img's words. */
  public static Qcow2Options parse(String name, long size, Map<String, String> options)
      throws IOException {
    OptionReader reader = new OptionReader(name, options);
    boolean extended = reader.flag("extended_l2", false);
    long clusterSize = reader.size("cluster_size", 65536);
    String compat = reader.text("compat", "1.1");
    long refcountBits = reader.size("refcount_bits", 16);
    if (Long.bitCount(clusterSize) != 1 || clusterSize < 512 || clusterSize > 2 << 20) {
      throw OptionReader.impossible(
          name, "cannot have clusters that are not a power of two from 512 bytes to 2 MiB");
    }
    if (Long.bitCount(refcountBits) != 1 || refcountBits > 64) {
      throw OptionReader.impossible(
          name, "cannot have reference counts that are not a power of two up to 64 bits");
    }
    int version =
        switch (compat) {
          case "0.10", "v2" -> 2;
          case "1.1", "v3" -> 3;
          default -> throw OptionReader.impossible(name, "cannot have the compat level " + compat);
        };
    String compression = reader.text("compression_type", "zlib");
    if (!compression.equals("zlib") && !compression.equals("zstd")) {
      throw OptionReader.impossible(name, "cannot be compressed with " + compression);
    }
    Qcow2Options parsed =
        new Qcow2Options(
            size,
            version,
            Long.numberOfTrailingZeros(clusterSize),
            Long.numberOfTrailingZeros(refcountBits),
            reader.flag("lazy_refcounts", false),
            compression.equals("zstd"),
            extended,
            reader.textOrNull("backing_file"),
            reader.textOrNull("backing_fmt"),
            reader.textOrNull("data_file"),
            reader.flag("data_file_raw", false));
    reader.accept("preallocation");
    Qcow2Encryption.Request.accept(reader);
    reader.end();
    return parsed;
  }
}
