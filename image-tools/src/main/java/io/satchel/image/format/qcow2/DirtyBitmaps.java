package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The persistent dirty bitmaps of an image: what has been written since they were added, for
 * backups. All changes of bitmaps reach the file when the image is closed.
 *
 * <p>Holds the bitmaps in memory from the first write on; before that they are in the file alone.
 * Changed with the device's lock, marked without it.
 */
public final class DirtyBitmaps {
  private final Qcow2Device device;
  private final Qcow2Image image;

  /** From the first write on; null when there are none. */
  private volatile @Nullable LiveBitmaps live;

  DirtyBitmaps(Qcow2Device device) {
    this.device = device;
    this.image = device.image;
  }

  // --- For the device ---

  /** Takes them over from the file, where they are marked as being in use. */
  void load() throws IOException {
    LiveBitmaps loaded = new LiveBitmaps(image);
    live = loaded.isEmpty() ? null : loaded;
  }

  /** Says that a range of the disk has been changed. */
  void mark(long offset, long length) {
    LiveBitmaps known = live;
    if (known != null) {
      known.mark(offset, length);
    }
  }

  /** Writes them, if there are any, and makes them true. */
  void store() throws IOException {
    LiveBitmaps known = live;
    if (known != null) {
      known.store();
    }
  }

  /** What a description of the image says of them. */
  List<Object> specifics() {
    List<Object> all = new ArrayList<>();
    if ((image.header.autoclear & Qcow2Header.AUTOCLEAR_BITMAPS) == 0) {
      return all;
    }
    try {
      for (BitmapDirectory.Entry entry : BitmapDirectory.read(image)) {
        List<Object> flags = new ArrayList<>();
        if ((entry.flags() & BitmapDirectory.FLAG_IN_USE) != 0) {
          flags.add("in-use");
        }
        if ((entry.flags() & BitmapDirectory.FLAG_AUTO) != 0) {
          flags.add("auto");
        }
        Map<String, Object> bitmap = new LinkedHashMap<>();
        bitmap.put("flags", flags);
        bitmap.put("name", entry.name());
        bitmap.put("granularity", 1L << entry.granularityBits());
        all.add(bitmap);
      }
    } catch (IOException e) {
      // A broken directory is the check's business; the rest can still be told.
      return new ArrayList<>();
    }
    return all;
  }

  // --- For everyone ---

  /** Something done to the bitmaps. */
  private interface BitmapChange {
    void on(LiveBitmaps bitmaps) throws IOException;
  }

  private void change(BitmapChange change) throws IOException {
    device.change(
        () -> {
          LiveBitmaps known = live;
          if (known == null) {
            known = new LiveBitmaps(image);
          }
          change.on(known);
          live = known;
        });
  }

  /**
   * Adds a dirty bitmap that records writes from now on.
   *
   * @param granularity the bytes that a bit stands for, a power of two
   */
  public void add(String name, long granularity) throws IOException {
    int bits = Long.bitCount(granularity) == 1 ? Long.numberOfTrailingZeros(granularity) : -1;
    change(b -> b.add(name, bits));
  }

  /** Removes a bitmap, also one that a crash has made useless. */
  public void remove(String name) throws IOException {
    change(b -> b.remove(name));
  }

  /** Makes a bitmap say that nothing has been written. */
  public void clear(String name) throws IOException {
    change(b -> b.clear(name));
  }

  /** Makes a bitmap record writes, or stop doing so. */
  public void enable(String name, boolean on) throws IOException {
    change(b -> b.enable(name, on));
  }

  /** Adds the bits of another bitmap of this image. */
  public void merge(String target, String source) throws IOException {
    change(b -> b.merge(target, b.content(source)));
  }

  /** Adds the bits of a bitmap of another image. */
  public void merge(String target, DirtyBitmaps from, String source) throws IOException {
    for (BitmapDirectory.Entry entry : BitmapDirectory.read(from.image)) {
      if (entry.name().equals(source) && (entry.flags() & BitmapDirectory.FLAG_IN_USE) == 0) {
        LiveBitmaps.Content content =
            new LiveBitmaps.Content(LiveBitmaps.load(from.image, entry), entry.granularityBits());
        change(b -> b.merge(target, content));
        return;
      }
    }
    throw new ImageException(
        ImageException.Kind.INVALID_REQUEST,
        from.image.file.name(),
        "has no usable bitmap " + source,
        "list them with `satchel img info`");
  }

  /** Bitmaps of another image that are still to be taken over. */
  public interface Copy {
    void run() throws IOException;
  }

  /**
   * Looks at the dirty bitmaps of another image, to take them over as they are there once the
   * content has been copied.
   *
   * @param skipBroken leave out those that a crash has made useless
   * @throws ImageException if there is one of these and it is not to be left out
   */
  public Copy planCopy(DirtyBitmaps from, boolean skipBroken) throws IOException {
    List<BitmapDirectory.Entry> all = new ArrayList<>();
    if ((from.image.header.autoclear & Qcow2Header.AUTOCLEAR_BITMAPS) != 0) {
      all.addAll(BitmapDirectory.read(from.image));
    }
    boolean broken = all.removeIf(e -> (e.flags() & BitmapDirectory.FLAG_IN_USE) != 0);
    if (broken && !skipBroken) {
      throw new ImageException(
          ImageException.Kind.INVALID_REQUEST,
          from.image.file.name(),
          "has a bitmap that was in use when a program crashed",
          "give --skip-broken-bitmaps, or remove it with `satchel img bitmap --remove`");
    }
    return () -> {
      for (BitmapDirectory.Entry entry : all) {
        add(entry.name(), 1L << entry.granularityBits());
        merge(entry.name(), from, entry.name());
        enable(entry.name(), (entry.flags() & BitmapDirectory.FLAG_AUTO) != 0);
      }
    };
  }
}
