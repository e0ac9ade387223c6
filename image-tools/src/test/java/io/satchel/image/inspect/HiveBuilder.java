package io.satchel.image.inspect;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Writes a small registry hive: keys, texts, lists of texts and numbers. */
final class HiveBuilder {
  private static final int SIZE = 1 << 16;

  private final Map<String, HiveBuilder> keys = new TreeMap<>();
  private final Map<String, byte[]> values = new TreeMap<>();
  private final Map<String, Integer> types = new TreeMap<>();

  /** The key at a path of backslashes; made when it is not there. */
  HiveBuilder key(String path) {
    HiveBuilder at = this;
    for (String part : path.split("\\\\")) {
      at = at.keys.computeIfAbsent(part, p -> new HiveBuilder());
    }
    return at;
  }

  HiveBuilder text(String name, String... texts) {
    String joined = String.join("\0", texts) + (texts.length > 1 ? "\0\0" : "\0");
    values.put(name, joined.getBytes(StandardCharsets.UTF_16LE));
    types.put(name, texts.length > 1 ? 7 : 1);
    return this;
  }

  HiveBuilder number(String name, int value) {
    values.put(name, ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    types.put(name, 4);
    return this;
  }

  byte[] build() {
    ByteBuffer b = ByteBuffer.allocate(SIZE).order(ByteOrder.LITTLE_ENDIAN);
    b.put(0, "regf".getBytes(StandardCharsets.US_ASCII)).putInt(20, 1).putInt(24, 3);
    b.put(4096, "hbin".getBytes(StandardCharsets.US_ASCII)).putInt(4104, SIZE - 4096);
    b.position(4128);
    b.putInt(36, write(b, "root"));
    return b.array();
  }

  private static int cell(ByteBuffer b, int length) {
    int at = b.position();
    int size = length + 4 + 7 & ~7;
    b.putInt(at, -size).position(at + size);
    return at - 4096;
  }

  private int write(ByteBuffer b, String name) {
    List<Integer> children = new ArrayList<>();
    keys.forEach((n, k) -> children.add(k.write(b, n)));
    int list = -1;
    if (!children.isEmpty()) {
      list = cell(b, 4 + children.size() * 8);
      int at = list + 4100;
      b.putShort(at, (short) 0x666c).putShort(at + 2, (short) children.size());
      for (int i = 0; i < children.size(); i++) {
        b.putInt(at + 4 + i * 8, children.get(i));
      }
    }
    List<Integer> places = new ArrayList<>();
    values.forEach((n, v) -> places.add(value(b, n, v, types.getOrDefault(n, 3))));
    int valueList = -1;
    if (!places.isEmpty()) {
      valueList = cell(b, places.size() * 4);
      for (int i = 0; i < places.size(); i++) {
        b.putInt(valueList + 4100 + i * 4, places.get(i));
      }
    }
    int cell = cell(b, 76 + name.length());
    int at = cell + 4100;
    b.putShort(at, (short) 0x6b6e).putShort(at + 2, (short) 0x20);
    b.putInt(at + 20, children.size()).putInt(at + 28, list);
    b.putInt(at + 36, places.size()).putInt(at + 40, valueList);
    b.putShort(at + 72, (short) name.length());
    b.put(at + 76, name.getBytes(StandardCharsets.ISO_8859_1));
    return cell;
  }

  private static int value(ByteBuffer b, String name, byte[] data, int type) {
    int place = 0;
    if (data.length > 4) {
      place = cell(b, data.length);
      b.put(place + 4100, data);
    }
    int cell = cell(b, 20 + name.length());
    int at = cell + 4100;
    b.putShort(at, (short) 0x6b76).putShort(at + 2, (short) name.length());
    b.putInt(at + 4, data.length > 4 ? data.length : data.length | 0x80000000);
    b.putInt(at + 8, place).putInt(at + 12, type);
    if (data.length <= 4) {
      b.put(at + 8, data);
    }
    b.putShort(at + 16, (short) 1);
    b.put(at + 20, name.getBytes(StandardCharsets.ISO_8859_1));
    return cell;
  }
}
