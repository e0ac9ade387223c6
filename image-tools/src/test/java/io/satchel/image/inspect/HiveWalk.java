package io.satchel.image.inspect;

import io.satchel.image.fs.FileSystem.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Reads all of a registry hive, within a budget. */
public final class HiveWalk {
  private static final int KEYS = 300;

  private HiveWalk() {}

  /** A hive with keys, texts, a list of texts and a number. */
  public static byte[] sound() {
    HiveBuilder hive = new HiveBuilder();
    hive.key("Microsoft\\Windows NT\\CurrentVersion")
        .text("ProductName", "Windows")
        .text("List", "one", "two")
        .number("Number", 7);
    hive.key("Select").number("Current", 2);
    hive.key("ControlSet002\\Services\\atapi").number("Start", 0).text("Group", "SCSI miniport");
    return hive.build();
  }

  private record Bytes(byte[] bytes) implements Content {
    @Override
    public long size() {
      return bytes.length;
    }

    @Override
    public void read(long offset, ByteBuffer target) {
      target.put(bytes, (int) offset, target.remaining());
    }
  }

  /** Reads every key and the values that this program asks for. */
  public static void walk(byte[] bytes) throws IOException {
    Hive hive = Hive.open(new Bytes(bytes), "hive");
    hive.find("Microsoft\\Windows NT\\CurrentVersion");
    walk(hive.root(), 0, new int[] {KEYS});
  }

  private static void walk(Hive.Key key, int depth, int[] budget) throws IOException {
    if (--budget[0] < 0 || depth > 8) {
      return;
    }
    key.name();
    for (String name : new String[] {"ProductName", "List", "Group"}) {
      key.text(name).getBytes(StandardCharsets.UTF_8);
      key.texts(name);
    }
    key.number("Number");
    key.number("Start");
    for (Hive.Key child : key.children()) {
      walk(child, depth + 1, budget);
    }
  }
}
