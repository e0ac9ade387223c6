package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The files of ISO 9660 (ECMA-119). Names are those of Rock Ridge (IEEE P1282) where they are
 * recorded, else those of Joliet (Microsoft, Joliet specification), else the disc's own in small
 * letters and without version.
 */
final class IsoFiles extends Tree<IsoFiles.Node> {
  static final int SECTOR = 2048;
  private static final int DESCRIPTORS_AT = 16;
  private static final int MAX_DESCRIPTORS = 64;
  private static final int PRIMARY = 1;
  private static final int SUPPLEMENTARY = 2;
  private static final int LAST = 255;
  private static final int FLAG_DIRECTORY = 2;
  private static final int FLAG_MORE = 0x80;
  private static final int MAX_CONTINUATIONS = 32;

  private final Region region;
  private final Node root;
  private final String label;
  private final boolean joliet;
  private final boolean rockRidge;
  private final int susp;

  /** A file: its pieces, each a place and a length, and what Rock Ridge says. */
  record Node(
      List<long[]> extents,
      boolean directory,
      @Nullable Instant modified,
      @Nullable String name,
      @Nullable String link,
      int mode) {
    long size() {
      return extents.stream().mapToLong(e -> e[1]).sum();
    }
  }

  private IsoFiles(Region region, ByteBuffer primary, @Nullable ByteBuffer supplementary)
      throws IOException {
    this.region = region;
    byte[] name = new byte[32];
    primary.get(40, name);
    String title = new String(name, StandardCharsets.ISO_8859_1);
    ByteBuffer record = primary.slice(156, 34).order(ByteOrder.LITTLE_ENDIAN);
    // The root's own first record says whether there is Rock Ridge.
    long place = (record.getInt(2) & 0xffffffffL) * SECTOR;
    ByteBuffer first = region.read(place, Math.min(SECTOR, record.getInt(10) & 0xffffffffL));
    int length = first.capacity() < 34 ? 0 : first.get(0) & 0xff;
    int sp = length >= 34 + 7 && first.capacity() >= length ? 34 : -1;
    rockRidge =
        sp >= 0
            && first.get(sp) == 'S'
            && first.get(sp + 1) == 'P'
            && (first.getShort(sp + 4) & 0xffff) == 0xefbe
            && hasRockRidge(first, length);
    susp = rockRidge ? first.get(sp + 6) & 0xff : 0;
    joliet = !rockRidge && supplementary != null;
    if (supplementary != null) {
      byte[] wide = new byte[32];
      supplementary.get(40, wide);
      String text = new String(wide, StandardCharsets.UTF_16BE);
      title = text.isBlank() ? title : text;
      if (joliet) {
        record = supplementary.slice(156, 34).order(ByteOrder.LITTLE_ENDIAN);
      }
    }
    label = title.replace('\0', ' ').strip();
    root = new Node(List.of(extent(record)), true, time(record), null, null, -1);
  }

  /** SP alone may be another use of the system area; PX, RR or ER says Rock Ridge. */
  private static boolean hasRockRidge(ByteBuffer record, int length) {
    for (int at = 34; at + 4 <= length; ) {
      int n = record.get(at + 2) & 0xff;
      String word = "" + (char) record.get(at) + (char) record.get(at + 1);
      if (word.equals("PX") || word.equals("RR") || word.equals("ER") || word.equals("CE")) {
        return true;
      }
      if (n < 4) {
        return false;
      }
      at += n;
    }
    return false;
  }

  static @Nullable FileSystem probe(BlockDevice disk, long start, long length) throws IOException {
    Region region = new Region(disk, start, length, "ISO 9660");
    ByteBuffer primary = null;
    ByteBuffer supplementary = null;
    for (int i = 0; i < MAX_DESCRIPTORS; i++) {
      long at = (DESCRIPTORS_AT + (long) i) * SECTOR;
      if (at + SECTOR > length) {
        break;
      }
      ByteBuffer d = region.read(at, SECTOR);
      byte[] id = new byte[5];
      d.get(1, id);
      if (!new String(id, StandardCharsets.ISO_8859_1).equals("CD001")) {
        break;
      }
      int type = d.get(0) & 0xff;
      if (type == PRIMARY && primary == null) {
        primary = d;
      } else if (type == SUPPLEMENTARY && d.get(88) == '%' && d.get(89) == '/') {
        supplementary = d;
      } else if (type == LAST) {
        break;
      }
    }
    return primary == null ? null : new IsoFiles(region, primary, supplementary);
  }

  @Override
  public String kind() {
    return "ISO 9660";
  }

  @Override
  public String label() {
    return label;
  }

  @Override
  boolean ignoresCase() {
    return !rockRidge;
  }

  @Override
  Node root() {
    return root;
  }

  private static long[] extent(ByteBuffer record) {
    return new long[] {
      ((record.getInt(2) & 0xffffffffL) + (record.get(1) & 0xff)) * SECTOR,
      record.getInt(10) & 0xffffffffL
    };
  }

  private static @Nullable Instant time(ByteBuffer record) {
    try {
      return LocalDateTime.of(
              1900 + (record.get(18) & 0xff),
              record.get(19),
              record.get(20),
              record.get(21),
              record.get(22),
              record.get(23))
          .toInstant(ZoneOffset.ofTotalSeconds(record.get(24) * 15 * 60));
    } catch (DateTimeException e) {
      return null;
    }
  }

  @Override
  Entry entry(String name, Node node) {
    Type type =
        node.link != null
            ? Type.LINK
            : node.directory
                ? Type.DIRECTORY
                : node.mode >= 0 && node.mode >> 12 != 8 ? Type.OTHER : Type.FILE;
    return new Entry(
        name, type, node.size(), node.modified, node.link, node.mode < 0 ? -1 : node.mode & 0xfff);
  }

  @Override
  Content content(Node file) throws IOException {
    RunContent content = new RunContent(region, file.size());
    long at = 0;
    for (long[] extent : file.extents) {
      if (extent[1] > 0) {
        content.add(at, extent[0], extent[1]);
      }
      at += extent[1];
    }
    return content;
  }

  @Override
  List<Child<Node>> children(Node directory) throws IOException {
    List<Child<Node>> all = new ArrayList<>();
    List<long[]> before = new ArrayList<>();
    for (long[] extent : directory.extents) {
      ByteBuffer b = region.read(extent[0], extent[1]);
      for (int at = 0; at + 34 <= b.capacity(); ) {
        int length = b.get(at) & 0xff;
        if (length == 0) {
          // A record does not cross sectors: the next one begins in the next.
          at = (at / SECTOR + 1) * SECTOR;
          continue;
        }
        int nameLength = b.get(at + 32) & 0xff;
        if (length < 33 + nameLength || length > b.capacity() - at) {
          throw region.broken("has a broken directory", extent[0] + at);
        }
        ByteBuffer record = b.slice(at, length).order(ByteOrder.LITTLE_ENDIAN);
        at += length;
        int flags = record.get(25);
        boolean self = nameLength == 1 && (record.get(33) == 0 || record.get(33) == 1);
        if (self) {
          continue;
        }
        before.add(extent(record));
        if ((flags & FLAG_MORE) != 0) {
          if (before.size() > 4096) {
            throw region.broken("has a file of too many pieces", extent[0] + at);
          }
          continue;
        }
        Node node = node(record, nameLength, flags, List.copyOf(before));
        before.clear();
        String name = node.name() != null ? node.name() : plainName(record, nameLength);
        if (all.size() >= MAX_ENTRIES) {
          throw region.broken("has a directory of more than " + MAX_ENTRIES + " names");
        }
        all.add(new Child<>(name, node, false));
      }
    }
    return all;
  }

  private String plainName(ByteBuffer record, int length) {
    Charset set = joliet ? StandardCharsets.UTF_16BE : StandardCharsets.ISO_8859_1;
    byte[] raw = new byte[length];
    record.get(33, raw);
    String name = new String(raw, set).replaceFirst(";[0-9]+$", "");
    name = name.endsWith(".") ? name.substring(0, name.length() - 1) : name;
    return joliet ? name : name.toLowerCase(Locale.ROOT);
  }

  private Node node(ByteBuffer record, int nameLength, int flags, List<long[]> extents)
      throws IOException {
    boolean directory = (flags & FLAG_DIRECTORY) != 0;
    if (!rockRidge) {
      return new Node(extents, directory, time(record), null, null, -1);
    }
    Extras extras = new Extras();
    int at = 33 + nameLength + (nameLength + 1) % 2 + susp;
    extras.read(record, Math.min(at, record.capacity()), record.capacity());
    return new Node(extents, directory, time(record), extras.name(), extras.link(), extras.mode);
  }

  /** The entries of a record's system use area, and of the areas that continue it. */
  private final class Extras {
    private final ByteArrayOutputStream name = new ByteArrayOutputStream();
    private final ByteArrayOutputStream link = new ByteArrayOutputStream();
    private boolean openComponent;
    int mode = -1;

    @Nullable String name() {
      return name.size() == 0 ? null : name.toString(StandardCharsets.UTF_8);
    }

    @Nullable String link() {
      return link.size() == 0 ? null : link.toString(StandardCharsets.UTF_8);
    }

    void read(ByteBuffer area, int from, int to) throws IOException {
      ByteBuffer b = area;
      int at = from;
      int end = to;
      for (int areas = 0; areas < MAX_CONTINUATIONS; areas++) {
        long[] next = null;
        while (at + 4 <= end) {
          int length = b.get(at + 2) & 0xff;
          if (length < 4 || length > end - at) {
            break;
          }
          String word = "" + (char) b.get(at) + (char) b.get(at + 1);
          switch (word) {
            case "NM" -> {
              if (length > 5 && (b.get(at + 4) & 6) == 0 && name.size() < 4096) {
                copy(b, at + 5, length - 5, name);
              }
            }
            case "SL" -> components(b, at + 5, at + length);
            case "PX" -> mode = length >= 12 ? b.getInt(at + 4) & 0xffff : mode;
            case "CE" -> {
              if (length >= 28) {
                next =
                    new long[] {
                      (b.getInt(at + 4) & 0xffffffffL) * SECTOR + (b.getInt(at + 12) & 0xffffffffL),
                      b.getInt(at + 20) & 0xffffffffL
                    };
              }
            }
            default -> {
              // Times, sparse files and what others have added.
            }
          }
          at += length;
        }
        if (next == null) {
          return;
        }
        b = region.read(next[0], next[1]);
        at = 0;
        end = b.capacity();
      }
      throw region.broken("has a name that continues in a circle");
    }

    private static void copy(ByteBuffer b, int at, int length, ByteArrayOutputStream to) {
      byte[] piece = new byte[length];
      b.get(at, piece);
      to.writeBytes(piece);
    }

    private void components(ByteBuffer b, int from, int to) {
      for (int at = from; at + 2 <= to && link.size() < 4096; ) {
        int flags = b.get(at);
        int length = b.get(at + 1) & 0xff;
        if (at + 2 + length > to) {
          return;
        }
        boolean root = (flags & 8) != 0;
        boolean slash = link.size() > 0 && !openComponent;
        if (slash && link.toByteArray()[link.size() - 1] != '/') {
          link.write('/');
        }
        if (root) {
          link.write('/');
        } else if ((flags & 2) != 0) {
          link.write('.');
        } else if ((flags & 4) != 0) {
          link.writeBytes(new byte[] {'.', '.'});
        } else {
          copy(b, at + 2, length, link);
        }
        openComponent = (flags & 1) != 0;
        at += 2 + length;
      }
    }
  }
}
