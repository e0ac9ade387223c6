package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Makes a disc of the host's files: ISO 9660 (ECMA-119) with names that DOS reads, Joliet for
 * Windows and Rock Ridge for Unix. Only the directories are built; the files' bytes are read from
 * the host when the guest asks for them.
 */
public final class IsoBuilder {
  private static final int SECTOR = 2048;
  private static final int DESCRIPTORS_AT = 16;
  private static final int MAX_FILES = 200_000;
  private static final int MAX_DEPTH = 64;
  private static final int MAX_LINK_TEXT = 1000;

  /** The longest piece of a file: a record's length field has 32 bits. */
  private static final long MAX_EXTENT = 0xfffff800L;

  private static final DateTimeFormatter VOLUME_TIME =
      DateTimeFormatter.ofPattern("yyyyMMddHHmmss'00'", Locale.ROOT);

  private final List<Node> files = new ArrayList<>();
  private final Instant now;
  private final String label;
  private int count;

  /** A file or directory to be. */
  private static final class Node {
    final String name;
    final Path host;
    final @Nullable Node parent;
    final boolean directory;
    final @Nullable String link;
    final long size;
    final Instant modified;
    final int mode;
    final List<Node> children = new ArrayList<>();
    String plainName = "";
    String jolietName = "";
    long dataSector;
    final Place plain = new Place();
    final Place joliet = new Place();

    Node(String name, Path host, @Nullable Node parent, Attributes a) {
      this.name = name;
      this.host = host;
      this.parent = parent;
      directory = a.directory;
      link = a.link;
      size = a.size;
      modified = a.modified;
      mode = a.mode;
    }

    Place place(boolean wide) {
      return wide ? joliet : plain;
    }
  }

  /** Where a directory lies in one of the two trees. */
  private static final class Place {
    long sector;
    int bytes;
    int continuation;
    int number;
  }

  private record Attributes(
      boolean directory, @Nullable String link, long size, Instant modified, int mode) {}

  private IsoBuilder(String label, Instant now) {
    this.label = label;
    this.now = now;
  }

  /**
   * A disc that holds the given files and folders at its top.
   *
   * @param label the disc's name
   * @throws ImageException if one of them does not exist, or there are too many
   */
  public static BlockDevice of(String label, List<Path> tops, Instant now) throws IOException {
    IsoBuilder builder = new IsoBuilder(label, now);
    Node root = new Node("", Path.of(""), null, new Attributes(true, null, 0, now, 0x4000 | 0555));
    for (Path top : tops) {
      Path name = top.toAbsolutePath().normalize().getFileName();
      builder.add(root, top, name == null ? "disk" : name.toString(), 0, true);
    }
    return builder.build(root);
  }

  private void add(Node parent, Path host, String name, int depth, boolean follow)
      throws IOException {
    if (++count > MAX_FILES || depth > MAX_DEPTH) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          host,
          "is one of more files, or lies deeper, than a disc is made of here",
          "put them into an archive first");
    }
    Node node = new Node(name, host, parent, attributes(host, follow));
    if (parent.children.stream().anyMatch(c -> c.name.equals(name))) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          host,
          "has the same name as another file for the disc",
          "give it another name");
    }
    parent.children.add(node);
    if (node.directory) {
      List<Path> inside;
      try (Stream<Path> list = Files.list(host)) {
        inside = list.sorted().toList();
      }
      for (Path each : inside) {
        boolean plain =
            Files.isSymbolicLink(each) || Files.isRegularFile(each) || Files.isDirectory(each);
        if (plain) {
          add(node, each, each.getFileName().toString(), depth + 1, false);
        }
      }
    } else if (node.link == null) {
      files.add(node);
    }
  }

  private static Attributes attributes(Path host, boolean follow) throws IOException {
    try {
      boolean link = !follow && Files.isSymbolicLink(host);
      LinkOption[] how = link ? new LinkOption[] {LinkOption.NOFOLLOW_LINKS} : new LinkOption[0];
      boolean directory = !link && Files.isDirectory(host, how);
      String leads = link ? Files.readSymbolicLink(host).toString().replace('\\', '/') : null;
      int permissions = directory ? 0555 : 0444;
      try {
        permissions = 0;
        for (PosixFilePermission p : Files.getPosixFilePermissions(host, how)) {
          permissions |= 1 << 8 - p.ordinal();
        }
      } catch (UnsupportedOperationException e) {
        permissions = directory ? 0555 : 0444;
      }
      return new Attributes(
          directory,
          leads,
          directory || link ? 0 : Files.size(host),
          Files.getLastModifiedTime(host, how).toInstant(),
          (directory ? 0x4000 : link ? 0xa000 : 0x8000) | permissions);
    } catch (NoSuchFileException e) {
      throw new ImageException(Kind.MISSING, host, "does not exist", "check the name", -1, e);
    }
  }

  private BlockDevice build(Node root) throws IOException {
    List<Node> directories = new ArrayList<>();
    directories.add(root);
    // Breadth first: the path table lists parents before children, level by level.
    for (int i = 0; i < directories.size(); i++) {
      Node directory = directories.get(i);
      name(directory);
      directory.children.sort(Comparator.comparing(c -> c.plainName));
      directory.children.stream().filter(c -> c.directory).forEach(directories::add);
    }
    long sector = DESCRIPTORS_AT + 3;
    int[] tableBytes = new int[2];
    long[] tables = new long[4];
    for (int tree = 0; tree < 2; tree++) {
      boolean wide = tree == 1;
      for (Node d : directories) {
        tableBytes[tree] += 8 + nameInTable(d, wide).length + nameInTable(d, wide).length % 2;
      }
      for (int order = 0; order < 2; order++) {
        tables[tree * 2 + order] = sector;
        sector += Math.ceilDiv(tableBytes[tree], SECTOR);
      }
    }
    for (int tree = 0; tree < 2; tree++) {
      int number = 1;
      for (Node d : directories) {
        Place place = d.place(tree == 1);
        place.number = number++;
        place.sector = sector;
        place.bytes = layOut(d, tree == 1, null);
        sector += place.bytes / SECTOR + place.continuation;
      }
    }
    if (sector > Integer.MAX_VALUE / SECTOR) {
      throw new ImageException(
          Kind.INVALID_REQUEST,
          "The disc",
          "would have too many directories",
          "put the files into an archive first");
    }
    int head = (int) sector;
    for (Node file : files) {
      file.dataSector = sector;
      sector += Math.ceilDiv(file.size, (long) SECTOR);
    }
    if (sector > Integer.MAX_VALUE) {
      throw new ImageException(
          Kind.INVALID_REQUEST, "The disc", "would be larger than 4 TB", "choose fewer files");
    }
    ByteBuffer out = ByteBuffer.allocate(head * SECTOR);
    describe(out, root, sector, tables, tableBytes);
    for (int tree = 0; tree < 2; tree++) {
      for (Node d : directories) {
        layOut(d, tree == 1, out);
      }
      for (int order = 0; order < 2; order++) {
        pathTable(out, (int) tables[tree * 2 + order] * SECTOR, directories, tree == 1, order == 1);
      }
    }
    List<IsoDisc.HostPiece> pieces = new ArrayList<>();
    for (Node file : files) {
      if (file.size > 0) {
        pieces.add(new IsoDisc.HostPiece(file.dataSector * SECTOR, file.size, file.host));
      }
    }
    return new IsoDisc(out.array(), sector * SECTOR, pieces);
  }

  // --- Names ---

  private static void name(Node directory) {
    Set<String> plain = new HashSet<>();
    Set<String> wide = new HashSet<>();
    for (Node child : directory.children) {
      child.plainName = plainName(child, plain);
      child.jolietName = jolietName(child, wide);
    }
  }

  /** Eight letters, a point, three letters: what DOS reads. */
  private static String plainName(Node child, Set<String> taken) {
    String upper = child.name.toUpperCase(Locale.ROOT);
    int point = child.directory ? -1 : upper.lastIndexOf('.');
    String base = (point > 0 ? upper.substring(0, point) : upper).replaceAll("[^A-Z0-9_]", "_");
    String end = point > 0 ? upper.substring(point + 1).replaceAll("[^A-Z0-9_]", "_") : "";
    end = end.substring(0, Math.min(3, end.length()));
    String first = base.substring(0, Math.min(8, base.length()));
    String tail = child.directory ? "" : "." + end;
    for (int i = 1; !taken.add(first + tail); i++) {
      String digits = Integer.toString(i);
      first = base.substring(0, Math.min(8 - digits.length(), base.length())) + digits;
    }
    return first + tail + (child.directory ? "" : ";1");
  }

  private static String jolietName(Node child, Set<String> taken) {
    String clean = child.name.replaceAll("[\\x00-\\x1f*/:;?\\\\]", "_");
    String name = clean.substring(0, Math.min(64, clean.length()));
    for (int i = 1; !taken.add(name.toLowerCase(Locale.ROOT)); i++) {
      String digits = "_" + i;
      name = clean.substring(0, Math.min(64 - digits.length(), clean.length())) + digits;
    }
    return name;
  }

  private static byte[] name(Node node, boolean wide) {
    return wide
        ? node.jolietName.getBytes(StandardCharsets.UTF_16BE)
        : node.plainName.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] nameInTable(Node node, boolean wide) {
    return node.parent == null ? new byte[1] : name(node, wide);
  }

  // --- Directories ---

  /** Lays a directory out, in {@code out} where it is given; returns its bytes, whole sectors. */
  private int layOut(Node d, boolean wide, @Nullable ByteBuffer out) {
    Place place = d.place(wide);
    int base = (int) place.sector * SECTOR;
    Continuation more = new Continuation(out, (int) place.sector + place.bytes / SECTOR);
    Node up = d.parent == null ? d : d.parent;
    int at = 0;
    at = record(out, base, at, d, new byte[] {0}, wide, more, d.parent == null ? 2 : 1, 0);
    at = record(out, base, at, up, new byte[] {1}, wide, more, 1, 0);
    List<Node> children = d.children;
    if (wide) {
      children = new ArrayList<>(d.children);
      children.sort(Comparator.comparing(c -> c.jolietName));
    }
    for (Node child : children) {
      if (wide && child.link != null) {
        continue;
      }
      byte[] name = name(child, wide);
      long done = 0;
      do {
        at = record(out, base, at, child, name, wide, more, 0, done);
        done += MAX_EXTENT;
      } while (done < child.size);
    }
    place.continuation = more.sectors();
    return Math.ceilDiv(at, SECTOR) * SECTOR;
  }

  /** Where Rock Ridge goes on when a record has no more room; no piece crosses a sector. */
  private static final class Continuation {
    private final @Nullable ByteBuffer out;
    private final int firstSector;
    private int used;

    Continuation(@Nullable ByteBuffer out, int firstSector) {
      this.out = out;
      this.firstSector = firstSector;
    }

    int sectors() {
      return Math.ceilDiv(used, SECTOR);
    }

    /** The CE entry that leads to {@code bytes}. */
    byte[] put(byte[] bytes) {
      if (used % SECTOR + bytes.length > SECTOR) {
        used = Math.ceilDiv(used, SECTOR) * SECTOR;
      }
      if (out != null) {
        out.put(firstSector * SECTOR + used, bytes);
      }
      ByteBuffer ce = ByteBuffer.allocate(28).put(new byte[] {'C', 'E', 28, 1});
      both(ce, 4, firstSector + used / SECTOR);
      both(ce, 12, used % SECTOR);
      both(ce, 20, bytes.length);
      used += bytes.length;
      return ce.array();
    }
  }

  /**
   * Writes a record, or only counts it; {@code kind} 0 a child, 1 "." or "..", 2 the root's ".".
   */
  private int record(
      @Nullable ByteBuffer out,
      int base,
      int from,
      Node node,
      byte[] name,
      boolean wide,
      Continuation more,
      int kind,
      long skipped) {
    int fixed = 33 + name.length + (name.length + 1) % 2;
    byte[] extra = wide ? new byte[0] : rockRidge(node, kind, 254 - fixed, more);
    int length = fixed + extra.length;
    length += length % 2;
    int at = from;
    if (at / SECTOR != (at + length - 1) / SECTOR) {
      at = (at / SECTOR + 1) * SECTOR;
    }
    if (out != null) {
      int p = base + at;
      Place place = node.place(wide);
      long bytes = node.directory ? place.bytes : Math.min(MAX_EXTENT, node.size - skipped);
      out.put(p, (byte) length);
      both(out, p + 2, node.directory ? place.sector : node.dataSector + skipped / SECTOR);
      both(out, p + 10, bytes);
      time(out, p + 18, node.modified);
      boolean continues = !node.directory && node.size - skipped > MAX_EXTENT;
      out.put(p + 25, (byte) ((node.directory ? 2 : 0) | (continues ? 0x80 : 0)));
      out.putShort(p + 28, (short) 0x0100).putShort(p + 30, (short) 1);
      out.put(p + 32, (byte) name.length);
      out.put(p + 33, name);
      out.put(p + fixed, extra);
    }
    return at + length;
  }

  private static byte[] rockRidge(Node node, int kind, int room, Continuation more) {
    ByteBuffer px = ByteBuffer.allocate(36).put(new byte[] {'P', 'X', 36, 1});
    both(px, 4, node.mode);
    both(px, 12, node.directory ? 2 : 1);
    ByteBuffer tf = ByteBuffer.allocate(12).put(new byte[] {'T', 'F', 12, 1, 2});
    time(tf, 5, node.modified);
    ByteArrayOutputStream here = new ByteArrayOutputStream();
    ByteArrayOutputStream there = new ByteArrayOutputStream();
    if (kind == 2) {
      here.writeBytes(new byte[] {'S', 'P', 7, 1, (byte) 0xbe, (byte) 0xef, 0});
      byte[] id = "RRIP_1991A".getBytes(StandardCharsets.US_ASCII);
      byte[] text = "POSIX file names and attributes".getBytes(StandardCharsets.US_ASCII);
      there.writeBytes(
          new byte[] {
            'E',
            'R',
            (byte) (8 + id.length + text.length),
            1,
            (byte) id.length,
            (byte) text.length,
            0,
            1
          });
      there.writeBytes(id);
      there.writeBytes(text);
    }
    here.writeBytes(px.array());
    here.writeBytes(tf.array());
    if (kind == 0) {
      names(node.name.getBytes(StandardCharsets.UTF_8), there);
      if (node.link != null) {
        link(node.link, there);
      }
    }
    if (kind != 2 && here.size() + there.size() <= room) {
      here.writeBytes(there.toByteArray());
    } else if (there.size() > 0) {
      here.writeBytes(more.put(there.toByteArray()));
    }
    return here.toByteArray();
  }

  private static void names(byte[] name, ByteArrayOutputStream out) {
    for (int at = 0; at < name.length; at += 250) {
      int n = Math.min(250, name.length - at);
      out.writeBytes(
          new byte[] {'N', 'M', (byte) (5 + n), 1, (byte) (at + n < name.length ? 1 : 0)});
      out.write(name, at, n);
    }
  }

  /** SL entries: a component a part of the path. */
  private static void link(String text, ByteArrayOutputStream out) {
    byte[] whole = text.getBytes(StandardCharsets.UTF_8);
    if (whole.length > MAX_LINK_TEXT) {
      return;
    }
    List<byte[]> components = new ArrayList<>();
    if (text.startsWith("/")) {
      components.add(new byte[] {8, 0});
    }
    for (String part : text.split("/")) {
      if (part.isEmpty()) {
        continue;
      }
      byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
      if (part.equals(".") || part.equals("..")) {
        components.add(new byte[] {(byte) (part.length() * 2), 0});
        continue;
      }
      for (int at = 0; at < bytes.length; at += 240) {
        int n = Math.min(240, bytes.length - at);
        ByteBuffer one = ByteBuffer.allocate(2 + n);
        one.put((byte) (at + n < bytes.length ? 1 : 0)).put((byte) n).put(bytes, at, n);
        components.add(one.array());
      }
    }
    for (int i = 0; i < components.size(); i++) {
      byte[] one = components.get(i);
      boolean last = i == components.size() - 1;
      out.writeBytes(new byte[] {'S', 'L', (byte) (5 + one.length), 1, (byte) (last ? 0 : 1)});
      out.writeBytes(one);
    }
  }

  private static void pathTable(
      ByteBuffer out, int at, List<Node> directories, boolean wide, boolean bigEndian) {
    ByteBuffer table = out.duplicate();
    table.order(bigEndian ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN).position(at);
    for (Node d : directories) {
      byte[] name = nameInTable(d, wide);
      Node up = d.parent == null ? d : d.parent;
      table.put((byte) name.length).put((byte) 0).putInt((int) d.place(wide).sector);
      table.putShort((short) up.place(wide).number).put(name);
      if (name.length % 2 == 1) {
        table.put((byte) 0);
      }
    }
  }

  // --- Descriptors ---

  private void describe(ByteBuffer out, Node root, long sectors, long[] tables, int[] tableBytes) {
    for (int tree = 0; tree < 2; tree++) {
      boolean wide = tree == 1;
      int at = (DESCRIPTORS_AT + tree) * SECTOR;
      out.put(at, (byte) (tree + 1)).put(at + 1, "CD001".getBytes(StandardCharsets.US_ASCII));
      out.put(at + 6, (byte) 1);
      text(out, at + 8, 32, "", wide);
      text(out, at + 40, 32, wide ? label : plainLabel(), wide);
      both(out, at + 80, sectors);
      if (wide) {
        out.put(at + 88, new byte[] {'%', '/', 'E'});
      }
      both16(out, at + 120, 1);
      both16(out, at + 124, 1);
      both16(out, at + 128, SECTOR);
      both(out, at + 132, tableBytes[tree]);
      out.putInt(at + 140, Integer.reverseBytes((int) tables[tree * 2]));
      out.putInt(at + 148, (int) tables[tree * 2 + 1]);
      out.put(at + 156, (byte) 34);
      both(out, at + 158, root.place(wide).sector);
      both(out, at + 166, root.place(wide).bytes);
      time(out, at + 174, now);
      out.put(at + 181, (byte) 2);
      both16(out, at + 184, 1);
      out.put(at + 188, (byte) 1);
      for (int[] field : new int[][] {{190, 128}, {318, 128}, {446, 128}, {574, 128}}) {
        text(out, at + field[0], field[1], field[0] == 574 ? "SATCHEL" : "", wide);
      }
      text(out, at + 702, 37, "", wide);
      text(out, at + 739, 37, "", wide);
      text(out, at + 776, 37, "", wide);
      String date = VOLUME_TIME.format(LocalDateTime.ofInstant(now, ZoneOffset.UTC));
      for (int i = 0; i < 4; i++) {
        String stamp = i == 2 ? "0000000000000000" : date;
        out.put(at + 813 + i * 17, stamp.getBytes(StandardCharsets.US_ASCII));
      }
      out.put(at + 881, (byte) 1);
    }
    int end = (DESCRIPTORS_AT + 2) * SECTOR;
    out.put(end, (byte) 255).put(end + 1, "CD001".getBytes(StandardCharsets.US_ASCII));
    out.put(end + 6, (byte) 1);
  }

  private String plainLabel() {
    return label.toUpperCase(Locale.ROOT).replaceAll("[^A-Z0-9_]", "_");
  }

  private static void text(ByteBuffer out, int at, int length, String text, boolean wide) {
    if (wide) {
      for (int i = 0; i + 1 < length; i += 2) {
        out.putChar(at + i, i / 2 < text.length() ? text.charAt(i / 2) : ' ');
      }
    } else {
      for (int i = 0; i < length; i++) {
        out.put(at + i, (byte) (i < text.length() ? text.charAt(i) : ' '));
      }
    }
  }

  /** A number in both byte orders. */
  private static void both(ByteBuffer out, int at, long value) {
    out.putInt(at, Integer.reverseBytes((int) value)).putInt(at + 4, (int) value);
  }

  private static void both16(ByteBuffer out, int at, int value) {
    out.putShort(at, Short.reverseBytes((short) value)).putShort(at + 2, (short) value);
  }

  private static void time(ByteBuffer out, int at, Instant when) {
    LocalDateTime t = LocalDateTime.ofInstant(when, ZoneOffset.UTC);
    int year = Math.clamp(t.getYear() - 1900, 0, 255);
    out.put(at, (byte) year).put(at + 1, (byte) t.getMonthValue());
    out.put(at + 2, (byte) t.getDayOfMonth()).put(at + 3, (byte) t.getHour());
    out.put(at + 4, (byte) t.getMinute()).put(at + 5, (byte) t.getSecond());
  }
}
