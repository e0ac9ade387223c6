package io.satchel.image.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.QemuImg;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.zip.Deflater;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

/** Makes images of the formats that the program itself only reads. */
public final class ReadOnlyImages {
  private ReadOnlyImages() {}

  private static byte[] zlib(byte[] bytes, int from, int length) {
    Deflater deflater = new Deflater();
    deflater.setInput(bytes, from, length);
    deflater.finish();
    byte[] out = new byte[length + 1000];
    int n = deflater.deflate(out);
    deflater.end();
    return Arrays.copyOf(out, n);
  }

  /** A compressed loop image of version 2. */
  public static byte[] cloop(byte[] disk, int block) throws IOException {
    int blocks = disk.length / block;
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    ByteBuffer head = ByteBuffer.allocate(136 + (blocks + 1) * 8);
    head.put(
        "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"
            .getBytes(StandardCharsets.US_ASCII));
    head.putInt(128, block).putInt(132, blocks);
    for (int i = 0; i < blocks; i++) {
      head.putLong(136 + i * 8, head.capacity() + data.size());
      data.write(zlib(disk, i * block, block));
    }
    head.putLong(136 + blocks * 8, head.capacity() + data.size());
    return joined(head.array(), data.toByteArray());
  }

  /** A growing disk of Bochs, its extents stored backwards so that the catalog says something. */
  public static byte[] bochs(byte[] disk, int extent, int version) throws IOException {
    int bitmap = extent / 512 / 8;
    int catalog = disk.length / extent + 3;
    ByteBuffer h = ByteBuffer.allocate(512 + catalog * 4).order(ByteOrder.LITTLE_ENDIAN);
    h.put(0, "Bochs Virtual HD Image".getBytes(StandardCharsets.US_ASCII));
    h.put(32, "Redolog".getBytes(StandardCharsets.US_ASCII));
    h.put(48, "Growing".getBytes(StandardCharsets.US_ASCII));
    h.putInt(64, version << 16).putInt(68, 512).putInt(72, catalog).putInt(76, bitmap);
    h.putInt(80, extent).putLong(version == 1 ? 84 : 88, disk.length);
    for (int i = 0; i < catalog; i++) {
      h.putInt(512 + i * 4, -1);
    }
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    int next = 0;
    for (int i = disk.length / extent - 1; i >= 0; i--) {
      byte[] bits = new byte[512];
      boolean any = false;
      for (int s = 0; s < extent / 512; s++) {
        int at = i * extent + s * 512;
        if (!Arrays.equals(Arrays.copyOfRange(disk, at, at + 512), new byte[512])) {
          bits[s / 8] |= (byte) (1 << s % 8);
          any = true;
        }
      }
      if (any) {
        h.putInt(512 + i * 4, next++);
        data.write(bits);
        data.write(disk, i * extent, extent);
      }
    }
    return joined(h.array(), data.toByteArray());
  }

  /**
   * A disk image of macOS.
   *
   * @param types how its runs are packed, in turn
   */
  public static byte[] dmg(byte[] disk, int piece, boolean fork, int... types) throws IOException {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    List<byte[]> tables = new ArrayList<>();
    for (int half = 0; half < 2; half++) {
      int pieces = disk.length / piece / 2;
      ByteBuffer mish = ByteBuffer.allocate(204 + (pieces + 1) * 40);
      mish.putInt(0, 0x6d697368).putInt(4, 1).putLong(8, (long) half * disk.length / 2 / 512);
      mish.putLong(16, disk.length / 2 / 512).putInt(200, pieces + 1);
      for (int i = 0; i < pieces; i++) {
        int from = half * disk.length / 2 + i * piece;
        byte[] plain = Arrays.copyOfRange(disk, from, from + piece);
        int type = types[i % types.length];
        boolean zero = Arrays.equals(plain, new byte[piece]);
        type = zero ? i % 2 * 2 : type;
        byte[] packed =
            switch (type) {
              case 1 -> plain;
              case 0x80000005 -> zlib(plain, 0, piece);
              case 0x80000004 -> literals(plain);
              case 0x80000006 -> bzip2(plain);
              case 0x80000008 -> xz(plain);
              default -> new byte[0];
            };
        int at = 204 + i * 40;
        mish.putInt(at, type).putLong(at + 8, (long) i * piece / 512).putLong(at + 16, piece / 512);
        mish.putLong(at + 24, data.size()).putLong(at + 32, packed.length);
        data.write(packed);
      }
      mish.putInt(204 + pieces * 40, -1);
      tables.add(mish.array());
    }
    byte[] list = fork ? fork(tables) : plist(tables);
    ByteBuffer koly = ByteBuffer.allocate(512).putInt(0, 0x6b6f6c79).putInt(4, 4).putInt(8, 512);
    koly.putLong(0x20, data.size()).putLong(0x1ec, disk.length / 512);
    int at = fork ? 0x28 : 0xd8;
    koly.putLong(at, data.size()).putLong(at + 8, list.length);
    return joined(data.toByteArray(), list, koly.array());
  }

  private static byte[] plist(List<byte[]> tables) {
    StringBuilder text = new StringBuilder("<plist><dict><key>resource-fork</key><dict>");
    text.append("<key>blkx</key><array>\n");
    for (byte[] table : tables) {
      text.append("<dict><key>Data</key>\n<data>\n");
      text.append(Base64.getMimeEncoder().encodeToString(table)).append("\n</data></dict>\n");
    }
    return text.append("</array></dict></dict></plist>\n")
        .toString()
        .getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] fork(List<byte[]> tables) {
    int length = tables.stream().mapToInt(t -> t.length + 4).sum();
    ByteBuffer b = ByteBuffer.allocate(0x100 + length);
    b.putInt(0x100).putInt(0x100 + length).putInt(length).putInt(0).position(0x100);
    tables.forEach(t -> b.putInt(t.length).put(t));
    return b.array();
  }

  /** ADC that is all literals but for a run at each end. */
  private static byte[] literals(byte[] plain) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int at = 0; at < plain.length; ) {
      int run = at == 0 ? 0 : same(plain, at, at - 1, 67);
      if (run >= 4) {
        out.write(0x40 | run - 4);
        out.write(0);
        out.write(0);
        at += run;
        continue;
      }
      int near = at < 4 ? 0 : same(plain, at, at - 4, 18);
      if (near >= 3) {
        out.write(near - 3 << 2);
        out.write(3);
        at += near;
        continue;
      }
      int n = Math.min(7, plain.length - at);
      out.write(0x80 | n - 1);
      out.write(plain, at, n);
      at += n;
    }
    return out.toByteArray();
  }

  private static int same(byte[] plain, int at, int from, int most) {
    int n = 0;
    while (n < most && at + n < plain.length && plain[at + n] == plain[from + n]) {
      n++;
    }
    return n;
  }

  private static byte[] xz(byte[] plain) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (XZOutputStream xz = new XZOutputStream(out, new LZMA2Options(1))) {
      xz.write(plain);
    }
    return out.toByteArray();
  }

  private static byte[] bzip2(byte[] plain) throws IOException {
    Path file = Files.createTempFile("piece", "");
    Path packed = file.resolveSibling(file.getFileName() + ".bz2");
    try {
      Files.write(file, plain);
      assertThat(QemuImg.tool("bzip2", "-kf", file).status()).isZero();
      return Files.readAllBytes(packed);
    } finally {
      Files.deleteIfExists(file);
      Files.deleteIfExists(packed);
    }
  }

  private static byte[] joined(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }
}
