package io.satchel.image.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.Formats;
import io.satchel.image.OpenedImage;
import io.satchel.image.OpenedImage.Layer;
import io.satchel.image.Progress;
import io.satchel.image.QemuImg;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.crypt.Secrets;
import io.satchel.image.file.Guid;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.ImageFormat.Purpose;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.ReadOnlyImages;
import io.satchel.image.format.qcow2.Qcow2Device;
import io.satchel.image.operation.Convert;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.zip.CRC32C;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Small sound images of every format, made by this program's own writers. */
final class ImageSeeds {
  static final byte[] PASSPHRASE = "open sesame".getBytes(StandardCharsets.US_ASCII);

  private static final Secrets SECRETS = new Secrets(Map.of("s", PASSPHRASE));

  private ImageSeeds() {}

  private static ImageFormat format(String name) {
    return Objects.requireNonNull(Formats.named(name));
  }

  /** What is done to a new image. */
  private interface Filling {
    void fill(LayeredDevice device) throws IOException;
  }

  private static Seed seed(
      String name, String format, long size, Map<String, String> options, Filling filling)
      throws IOException {
    return seed(name, format, size, options, image -> {}, filling);
  }

  /** Turns a new image, little-endian here, into one that cannot be created without a parent. */
  private interface Turning {
    void turn(ByteBuffer image);
  }

  private static Seed seed(
      String name,
      String format,
      long size,
      Map<String, String> options,
      Turning turning,
      Filling filling)
      throws IOException {
    MemoryFile file = new MemoryFile();
    format(format).create(file, size, options, SECRETS);
    byte[] empty = file.bytes();
    turning.turn(ByteBuffer.wrap(empty).order(ByteOrder.LITTLE_ENDIAN));
    file = MemoryFile.of(empty);
    LayeredDevice device = format(format).open(file, Purpose.USE, Passphrase.of(PASSPHRASE));
    if (device.dataFile() != null) {
      device.attachDataFile(new MemoryFile());
    }
    if (device.backing() != null) {
      device.attachBacking(Formats.RAW.open(MemoryFile.of(new byte[4096]), Purpose.USE));
    }
    filling.fill(device);
    device.close();
    return new Seed(name, file.bytes(), ImageSeeds::mendVhdx);
  }

  private static void write(LayeredDevice device, long at, int length) throws IOException {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, 0, Math.min(60, length), (byte) (at + 1));
    device.write(at, ByteBuffer.wrap(bytes));
  }

  private static void some(LayeredDevice device) throws IOException {
    write(device, 0, 512);
    write(device, device.size() / 2, 1024);
    device.writeZeroes(device.size() / 4, 512, true);
    write(device, device.size() - 512, 512);
  }

  private static void life(LayeredDevice device) throws IOException {
    some(device);
    Qcow2Device qcow2 = (Qcow2Device) device;
    qcow2.vmState().write(0, ByteBuffer.allocate(600).putInt(0, 9));
    qcow2.snapshots().create("one", Instant.EPOCH, 5, 600);
    write(device, 0, 512);
    qcow2.snapshots().create("two", Instant.EPOCH, 6, 0);
    write(device, 4096, 512);
  }

  static List<Seed> qcow2() throws IOException {
    return List.of(
        seed("v3", "qcow2", 256 << 10, Map.of("cluster_size", "512"), ImageSeeds::some),
        seed(
            "v2",
            "qcow2",
            1 << 20,
            Map.of("cluster_size", "4k", "compat", "0.10"),
            ImageSeeds::life),
        seed(
            "narrow",
            "qcow2",
            1 << 20,
            Map.of("cluster_size", "1k", "refcount_bits", "1", "lazy_refcounts", "on"),
            ImageSeeds::some),
        seed(
            "wide",
            "qcow2",
            1 << 20,
            Map.of("cluster_size", "2k", "refcount_bits", "64"),
            ImageSeeds::life),
        seed(
            "backed",
            "qcow2",
            1 << 20,
            Map.of("cluster_size", "1k", "backing_file", "below", "backing_fmt", "raw"),
            ImageSeeds::some));
  }

  static List<Seed> qcow2Extended() throws IOException {
    return List.of(
        seed(
            "extended",
            "qcow2",
            4 << 20,
            Map.of("cluster_size", "16k", "extended_l2", "on"),
            ImageSeeds::life),
        seed(
            "extended over another",
            "qcow2",
            4 << 20,
            Map.of(
                "cluster_size",
                "32k",
                "extended_l2",
                "on",
                "backing_file",
                "b",
                "backing_fmt",
                "raw"),
            ImageSeeds::some));
  }

  static List<Seed> qcow2Data() throws IOException {
    Map<String, String> options = Map.of("cluster_size", "4k", "data_file", "data");
    Map<String, String> raw =
        Map.of("cluster_size", "4k", "data_file", "data", "data_file_raw", "on");
    return List.of(
        seed("data file", "qcow2", 1 << 20, options, ImageSeeds::some),
        seed("raw data file", "qcow2", 1 << 20, raw, ImageSeeds::some));
  }

  static List<Seed> qcow2Bitmaps() throws IOException {
    return List.of(
        seed(
            "bitmaps",
            "qcow2",
            1 << 20,
            Map.of("cluster_size", "1k"),
            device -> {
              Qcow2Device qcow2 = (Qcow2Device) device;
              qcow2.bitmaps().add("one", 512);
              qcow2.bitmaps().add("two", 65_536);
              some(device);
              qcow2.bitmaps().enable("two", false);
              life(device);
            }));
  }

  static List<Seed> qcow2Packed() throws IOException {
    return List.of(packed("zlib", "4k"), packed("zstd", "4k"), packed("zlib", "512"));
  }

  private static Seed packed(String type, String cluster) throws IOException {
    byte[] disk = new byte[64 << 10];
    byte[] text =
        "some text that is worth packing ".repeat(700).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, disk, 10_000, text.length);
    LayeredDevice raw = Formats.RAW.open(MemoryFile.of(disk), Purpose.USE);
    OpenedImage source =
        new OpenedImage(raw, List.of(new Layer(Path.of("raw"), "raw", disk.length, raw)));
    return seed(
        type + " " + cluster,
        "qcow2",
        disk.length,
        Map.of("cluster_size", cluster, "compression_type", type),
        device ->
            Convert.run(
                List.of(source),
                device,
                Convert.Options.plain().withCompress(true),
                Progress.NONE));
  }

  static List<Seed> qcow2Encrypted() throws IOException {
    return List.of(
        seed(
            "luks",
            "qcow2",
            1 << 20,
            Map.of(
                "cluster_size",
                "4k",
                "encrypt.format",
                "luks",
                "encrypt.key-secret",
                "s",
                "encrypt.iter-time",
                "1"),
            ImageSeeds::life));
  }

  static List<Seed> luks() throws IOException {
    return List.of(
        seed(
            "xts", "luks", 64 << 10, Map.of("key-secret", "s", "iter-time", "1"), ImageSeeds::some),
        seed(
            "cbc",
            "luks",
            64 << 10,
            Map.of(
                "key-secret",
                "s",
                "iter-time",
                "1",
                "cipher-alg",
                "aes-128",
                "cipher-mode",
                "cbc",
                "ivgen-alg",
                "essiv",
                "ivgen-hash-alg",
                "sha256",
                "hash-alg",
                "sha1"),
            ImageSeeds::some));
  }

  /** The fewest rounds in every LUKS header: more of them is slow by design, and not a finding. */
  static byte[] tamed(byte[] image) {
    ByteBuffer b = ByteBuffer.wrap(image);
    for (int at = 0; at + 592 <= image.length; at += 64) {
      if (b.getInt(at) == 0x4c554b53) {
        tame(b, at + 164);
        for (int slot = 0; slot < 8; slot++) {
          tame(b, at + 208 + slot * 48 + 4);
        }
      }
    }
    return image;
  }

  private static void tame(ByteBuffer b, int at) {
    if (Integer.compareUnsigned(b.getInt(at), 2000) > 0) {
      b.putInt(at, 1000);
    }
  }

  static List<Seed> of(String format) throws IOException {
    return switch (format) {
      case "raw" -> List.of(seed("raw", "raw", 64 << 10, Map.of(), ImageSeeds::some));
      case "qed" ->
          List.of(
              seed("plain", "qed", 1 << 20, Map.of("cluster_size", "4k"), ImageSeeds::some),
              seed(
                  "backed",
                  "qed",
                  1 << 20,
                  Map.of("cluster_size", "4k", "backing_file", "b", "backing_fmt", "raw"),
                  ImageSeeds::some));
      case "qcow" ->
          List.of(
              seed("plain", "qcow", 1 << 20, Map.of(), ImageSeeds::some),
              seed("backed", "qcow", 1 << 20, Map.of("backing_file", "b"), ImageSeeds::some));
      case "vdi" ->
          List.of(
              seed("dynamic", "vdi", 3 << 20, Map.of(), device -> write(device, 0, 512)),
              seed("static", "vdi", 1 << 20, Map.of("static", "on"), ImageSeeds::some),
              seed(
                  "child",
                  "vdi",
                  3 << 20,
                  Map.of(),
                  image -> image.putInt(0x4c, 4).putLong(0x1a8, 1).putLong(0x1b8, 2),
                  device -> write(device, 0, 512)));
      case "vpc" ->
          List.of(
              seed("dynamic", "vpc", 8 << 20, Map.of(), device -> write(device, 2 << 20, 512)),
              seed("fixed", "vpc", 1 << 20, Map.of("subformat", "fixed"), ImageSeeds::some),
              seed(
                  "child",
                  "vpc",
                  8 << 20,
                  Map.of(),
                  ImageSeeds::vhdChild,
                  device -> write(device, 2 << 20, 512)));
      case "vhdx" ->
          List.of(
              seed(
                  "dynamic",
                  "vhdx",
                  8 << 20,
                  Map.of("block_size", "1M"),
                  device -> write(device, 2 << 20, 512)),
              seed("fixed", "vhdx", 1 << 20, Map.of("subformat", "fixed"), ImageSeeds::some),
              seed(
                  "child",
                  "vhdx",
                  8 << 20,
                  Map.of("block_size", "1M"),
                  ImageSeeds::vhdxChild,
                  device -> write(device, 2 << 20, 512)));
      case "parallels" -> {
        Map<String, String> small = Map.of("cluster_size", "64k");
        yield List.of(seed("parallels", "parallels", 1 << 20, small, ImageSeeds::some));
      }
      case "vmdk" ->
          List.of(
              seed("sparse", "vmdk", 2 << 20, Map.of(), ImageSeeds::some),
              seed("zeroed", "vmdk", 2 << 20, Map.of("zeroed_grain", "on"), ImageSeeds::some),
              stream());
      default -> throw new IllegalArgumentException(format);
    };
  }

  private static void vhdChild(ByteBuffer image) {
    for (int footer : new int[] {0, image.limit() - 512}) {
      image.put(footer + 63, (byte) 4);
    }
    image.put(512 + 65, (byte) 'p');
  }

  private static void vhdxChild(ByteBuffer image) {
    int metadata = 2 << 20;
    UUID item = UUID.fromString("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C");
    image.putShort(metadata + 10, (short) 6).putInt(metadata + (64 << 10) + 4, 2);
    Guid.put(image, metadata + 192, item);
    image.putInt(metadata + 208, 68 << 10).putInt(metadata + 212, 100);
    int locator = metadata + (68 << 10);
    Guid.put(image, locator, UUID.fromString("B04AEFB7-D19E-4A81-B789-25B8E9445913"));
    byte[] name = "relative_pathp".getBytes(StandardCharsets.UTF_16LE);
    image.putShort(locator + 18, (short) 1).putInt(locator + 20, 40).putInt(locator + 24, 66);
    image.putShort(locator + 28, (short) 26).putShort(locator + 30, (short) 2);
    image.put(locator + 40, name);
  }

  private static Seed stream() throws IOException {
    byte[] disk = disk();
    LayeredDevice raw = Formats.RAW.open(MemoryFile.of(disk), Purpose.USE);
    OpenedImage source =
        new OpenedImage(raw, List.of(new Layer(Path.of("raw"), "raw", disk.length, raw)));
    return seed(
        "stream",
        "vmdk",
        disk.length,
        Map.of("subformat", "streamOptimized"),
        device -> Convert.run(List.of(source), device, Convert.Options.plain(), Progress.NONE));
  }

  /** A small disk with text and nothing. */
  private static byte[] disk() {
    byte[] disk = new byte[192 << 10];
    byte[] text = "a line that comes again ".repeat(600).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, disk, 0, text.length);
    System.arraycopy(text, 0, disk, 100_000, 5000);
    return disk;
  }

  static List<Seed> cloop() throws IOException {
    return List.of(new Seed("cloop", ReadOnlyImages.cloop(disk(), 16 << 10)));
  }

  static List<Seed> bochs() throws IOException {
    return List.of(
        new Seed("bochs 1", ReadOnlyImages.bochs(disk(), 64 << 10, 1)),
        new Seed("bochs 2", ReadOnlyImages.bochs(disk(), 64 << 10, 2)));
  }

  static List<Seed> dmg() throws IOException {
    return List.of(
        new Seed("list", ReadOnlyImages.dmg(disk(), 32 << 10, false, 0x80000005, 1)),
        new Seed("fork", ReadOnlyImages.dmg(disk(), 32 << 10, true, 0x80000004, 0x80000008)),
        new Seed("bzip2", ReadOnlyImages.dmg(disk(), 32 << 10, true, 0x80000006)));
  }

  private static byte[] through(ByteArrayOutputStream out, OutputStream packer, byte[] bytes)
      throws IOException {
    try (packer) {
      packer.write(bytes);
    }
    return out.toByteArray();
  }

  static List<Seed> gz() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    return List.of(new Seed("gz", through(out, new GZIPOutputStream(out), disk())));
  }

  static List<Seed> xz() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    XZOutputStream packer = new XZOutputStream(out, new LZMA2Options(1));
    packer.write(disk());
    packer.endBlock();
    return List.of(new Seed("xz", through(out, packer, disk())));
  }

  /** By the distribution's tool: this program does not write this container. */
  static List<Seed> zst() throws IOException {
    Path plain = Files.createTempFile("disk", "");
    Path packed = plain.resolveSibling(plain.getFileName() + ".zst");
    try {
      Files.write(plain, disk());
      assertThat(QemuImg.tool("zstd", "-q", plain, "-o", packed).status()).isZero();
      return List.of(new Seed("zst", Files.readAllBytes(packed)));
    } finally {
      Files.deleteIfExists(plain);
      Files.deleteIfExists(packed);
    }
  }

  static List<Seed> zip() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ZipOutputStream packer = new ZipOutputStream(out);
    packer.putNextEntry(new ZipEntry("readme.txt"));
    packer.write(1);
    packer.putNextEntry(new ZipEntry("disk.img"));
    return List.of(new Seed("zip", through(out, packer, disk())));
  }

  static List<Seed> ova() throws IOException {
    byte[] vmdk = stream().image();
    ByteArrayOutputStream tar = new ByteArrayOutputStream();
    member(tar, "machine.ovf", "<Envelope/>".getBytes(StandardCharsets.US_ASCII));
    member(tar, "disk.vmdk", vmdk);
    tar.writeBytes(new byte[1024]);
    return List.of(new Seed("ova", tar.toByteArray()));
  }

  private static void member(ByteArrayOutputStream tar, String name, byte[] bytes) {
    byte[] header = new byte[512];
    byte[] text = name.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, header, 0, text.length);
    byte[] octal = String.format("%011o", bytes.length).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(octal, 0, header, 124, octal.length);
    System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, header, 257, 5);
    tar.writeBytes(header);
    tar.writeBytes(Arrays.copyOf(bytes, Math.ceilDiv(bytes.length, 512) * 512));
  }

  /** The checksums of a VHDX (MS-VHDX 2.2.2, 2.2.3, 2.3.1); nothing else has the places. */
  private static void mendVhdx(byte[] image) {
    if (image.length < 320 << 10 || image[0] != 'v' || image[1] != 'h') {
      return;
    }
    mend(image, 64 << 10, 4096);
    mend(image, 128 << 10, 4096);
    mend(image, 192 << 10, 64 << 10);
    mend(image, 256 << 10, 64 << 10);
    if (image.length >= 2 << 20) {
      mend(image, 1 << 20, 8192);
    }
  }

  private static void mend(byte[] image, int at, int length) {
    ByteBuffer b = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(at + 4, 0);
    CRC32C crc = new CRC32C();
    crc.update(image, at, length);
    b.putInt(at + 4, (int) crc.getValue());
  }
}
