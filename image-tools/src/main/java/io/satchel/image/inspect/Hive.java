package io.satchel.image.inspect;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.FixedText;
import io.satchel.image.fs.FileSystem.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A registry hive of Windows NT, read-only. The layout is that of the "regf" file: a base block,
 * then cells that name one another by their offset from byte 4096. It may lie, so every cell is
 * checked against the file.
 */
public final class Hive {
  private static final int BINS_AT = 4096;
  private static final int ROOT_AT = 36;
  private static final int MAX_CELL = 1 << 20;
  private static final int MAX_KEYS = 1 << 18;
  private static final int KEY_NAME_ASCII = 0x20;
  private static final int VALUE_NAME_ASCII = 1;
  private static final int MAX_LIST_DEPTH = 3;
  private static final int TYPE_TEXT = 1;
  private static final int TYPE_PATH = 2;
  private static final int TYPE_NUMBER = 4;
  private static final int TYPE_TEXTS = 7;
  private static final int LONGEST_SHOWN = 200;

  private final Content file;
  private final String name;

  private Hive(Content file, String name) {
    this.file = file;
    this.name = name;
  }

  /**
   * Opens a hive.
   *
   * @throws ImageException if it is none
   */
  public static Hive open(Content file, String name) throws IOException {
    Hive hive = new Hive(file, name);
    if (file.size() < BINS_AT + 32
        || !new String(file.read(0, 4), StandardCharsets.ISO_8859_1).equals("regf")) {
      throw hive.broken("is no registry hive");
    }
    return hive;
  }

  private ImageException broken(String problem) {
    return new ImageException(
        ImageException.Kind.CORRUPT, name, problem, "start the guest and let it repair itself");
  }

  /** The key that all others are in. */
  public Key root() throws IOException {
    ByteBuffer base = ByteBuffer.wrap(file.read(0, BINS_AT)).order(ByteOrder.LITTLE_ENDIAN);
    return new Key(key(base.getInt(ROOT_AT)));
  }

  /** The key that a path of backslashes leads to from the root. */
  Optional<Key> find(String path) throws IOException {
    Optional<Key> at = Optional.of(root());
    for (String part : path.split("\\\\")) {
      at = at.isPresent() ? at.get().child(part) : at;
    }
    return at;
  }

  private ByteBuffer cell(int offset) throws IOException {
    long at = BINS_AT + (offset & 0xffffffffL);
    if (at > file.size() - 8) {
      throw broken("names a cell outside itself");
    }
    long size = -(long) ByteBuffer.wrap(file.read(at, 4)).order(ByteOrder.LITTLE_ENDIAN).getInt();
    if (size < 8 || size > MAX_CELL || size > file.size() - at) {
      throw broken("has a cell of an impossible size");
    }
    return ByteBuffer.wrap(file.read(at + 4, (int) size - 4)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private ByteBuffer key(int offset) throws IOException {
    ByteBuffer b = cell(offset);
    if (b.capacity() < 76 || b.getShort(0) != 0x6b6e) {
      throw broken("has no key where one must be");
    }
    return b;
  }

  private String text(ByteBuffer b, int at, int bytes, boolean ascii) throws ImageException {
    if (bytes < 0 || at + bytes > b.capacity()) {
      throw broken("has a name that leaves its cell");
    }
    byte[] raw = new byte[bytes];
    b.get(at, raw);
    return new String(raw, ascii ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_16LE);
  }

  /** A key. */
  public final class Key {
    private final ByteBuffer b;

    private Key(ByteBuffer b) {
      this.b = b;
    }

    /** What it is called within its parent. */
    public String name() throws ImageException {
      return text(b, 76, b.getShort(72) & 0xffff, (b.getShort(2) & KEY_NAME_ASCII) != 0);
    }

    /** The keys in it. */
    public List<Key> children() throws IOException {
      List<Key> all = new ArrayList<>();
      if (b.getInt(20) != 0) {
        gather(b.getInt(28), all, 0);
      }
      return all;
    }

    private void gather(int list, List<Key> all, int depth) throws IOException {
      ByteBuffer l = cell(list);
      int count = l.getShort(2) & 0xffff;
      // lf and lh carry a hash beside each place; li has the places alone; ri names lists.
      int stride =
          switch (l.getShort(0)) {
            case 0x666c, 0x686c -> 8;
            case 0x696c, 0x6972 -> 4;
            default -> throw broken("has a list of keys of an unknown kind");
          };
      if (4 + count * stride > l.capacity() || depth > MAX_LIST_DEPTH) {
        throw broken("has a list of keys that leaves its cell");
      }
      for (int i = 0; i < count; i++) {
        int at = l.getInt(4 + i * stride);
        if (l.getShort(0) == 0x6972) {
          gather(at, all, depth + 1);
        } else {
          all.add(new Key(key(at)));
        }
        if (all.size() > MAX_KEYS) {
          throw broken("has a key with too many keys");
        }
      }
    }

    Optional<Key> child(String wanted) throws IOException {
      for (Key each : children()) {
        if (each.name().equalsIgnoreCase(wanted)) {
          return Optional.of(each);
        }
      }
      return Optional.empty();
    }

    private Optional<byte[]> bytes(String wanted) throws IOException {
      int count = b.getInt(36);
      if (count <= 0 || count > MAX_KEYS) {
        return Optional.empty();
      }
      ByteBuffer list = cell(b.getInt(40));
      for (int i = 0; i < count && i * 4 + 4 <= list.capacity(); i++) {
        ByteBuffer v = cell(list.getInt(i * 4));
        if (v.capacity() < 20 || v.getShort(0) != 0x6b76) {
          throw broken("has no value where one must be");
        }
        boolean ascii = (v.getShort(16) & VALUE_NAME_ASCII) != 0;
        if (text(v, 20, v.getShort(2) & 0xffff, ascii).equalsIgnoreCase(wanted)) {
          return Optional.of(data(v));
        }
      }
      return Optional.empty();
    }

    /**
     * Its values by name, for a person: texts and numbers as they are, other bytes in hexadecimal,
     * long ones cut with a sum of the whole. The value without a name has the empty one.
     */
    public Map<String, String> values() throws IOException {
      Map<String, String> values = new HashMap<>();
      int count = b.getInt(36);
      if (count <= 0 || count > MAX_KEYS) {
        return values;
      }
      ByteBuffer list = cell(b.getInt(40));
      for (int i = 0; i < count && i * 4 + 4 <= list.capacity(); i++) {
        ByteBuffer v = cell(list.getInt(i * 4));
        if (v.capacity() < 20 || v.getShort(0) != 0x6b76) {
          throw broken("has no value where one must be");
        }
        boolean ascii = (v.getShort(16) & VALUE_NAME_ASCII) != 0;
        values.put(text(v, 20, v.getShort(2) & 0xffff, ascii), shown(v.getInt(12), data(v)));
      }
      return values;
    }

    private static String shown(int type, byte[] data) {
      if (type == TYPE_NUMBER && data.length == 4) {
        return "0x%08x".formatted(ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).getInt());
      }
      String whole =
          type == TYPE_TEXT || type == TYPE_PATH || type == TYPE_TEXTS
              ? new String(data, StandardCharsets.UTF_16LE).replaceAll("\0+$", "")
              : HexFormat.of().formatHex(data);
      return whole.length() <= LONGEST_SHOWN
          ? whole
          : whole.substring(0, LONGEST_SHOWN) + "\u2026 #" + Arrays.hashCode(data);
    }

    private byte[] data(ByteBuffer value) throws IOException {
      int length = value.getInt(4);
      if (length < 0) {
        // Four bytes or fewer stand where the place would.
        byte[] small = new byte[Math.min(4, length & 0x7fffffff)];
        value.get(8, small);
        return small;
      }
      ByteBuffer data = cell(value.getInt(8));
      byte[] all = new byte[Math.min(length, data.capacity())];
      data.get(0, all);
      return all;
    }

    /** A text, without what follows its end; empty when there is none. */
    String text(String wanted) throws IOException {
      Optional<byte[]> raw = bytes(wanted);
      return raw.isEmpty()
          ? ""
          : FixedText.upToNul(new String(raw.get(), StandardCharsets.UTF_16LE)).strip();
    }

    /** A list of texts. */
    List<String> texts(String wanted) throws IOException {
      Optional<byte[]> raw = bytes(wanted);
      return raw.isEmpty()
          ? List.of()
          : List.of(
              new String(raw.get(), StandardCharsets.UTF_16LE).replaceAll("\0+$", "").split("\0"));
    }

    /** A number, or -1. */
    int number(String wanted) throws IOException {
      Optional<byte[]> raw = bytes(wanted);
      return raw.isPresent() && raw.get().length >= 4
          ? ByteBuffer.wrap(raw.get()).order(ByteOrder.LITTLE_ENDIAN).getInt()
          : -1;
    }

    private String text(ByteBuffer from, int at, int bytes, boolean ascii) throws ImageException {
      return Hive.this.text(from, at, bytes, ascii);
    }
  }
}
