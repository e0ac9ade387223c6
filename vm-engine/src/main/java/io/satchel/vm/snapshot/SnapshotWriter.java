package io.satchel.vm.snapshot;

import io.satchel.image.format.qcow2.ClusterCodec;
import io.satchel.vm.memory.FrozenMemory;
import io.satchel.vm.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Writes a machine as a stream: {@link Section}s in their order. Zero pages are left out, a page
 * that was there before is named and not stored.
 */
public final class SnapshotWriter {

  /** Takes the stream's bytes in order. */
  @FunctionalInterface
  public interface Sink {
    void write(ByteBuffer bytes) throws IOException;
  }

  /** Asked now and then whether to go on. */
  @FunctionalInterface
  public interface Patience {
    boolean goOn();
  }

  /** The first 128 bits of a page's SHA-256. */
  private record Digest(long high, long low) {}

  private static final byte[] ZEROS = new byte[GuestMemory.PAGE_SIZE];

  private final Sink sink;
  private final MessageDigest sha = sha256();
  private final ByteBuffer digest = ByteBuffer.allocate(32);
  private final Map<Digest, Integer> known = new HashMap<>();
  private final byte[] raw = new byte[MemoryChunk.BYTES];
  private final byte[] packed = new byte[MemoryChunk.BYTES - 1];
  private final int[] pages = new int[MemoryChunk.PAGES];
  private final int[] duplicates = new int[2 * MemoryChunk.MOST_DUPLICATES];
  private int pageCount;
  private int duplicateCount;
  private int named;

  public SnapshotWriter(Sink sink) {
    this.sink = sink;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  /** The beginning: whose state it is, how it looked, and all but its memory. */
  public void begin(MachineShape shape, byte[] picture, MachineState state) throws IOException {
    sink.write(ByteBuffer.allocate(8).putLong(0, Section.MAGIC));
    section(Section.SHAPE, ByteBuffer.wrap(StateCodec.encode(shape)));
    if (picture.length <= Section.PICTURE.most) {
      section(Section.PICTURE, ByteBuffer.wrap(picture));
    }
    section(Section.STATE, ByteBuffer.wrap(StateCodec.encode(state)));
  }

  /**
   * The memory, and the end.
   *
   * @return false when {@code patience} ended
   */
  public boolean memory(FrozenMemory memory, Patience patience) throws IOException {
    try (ClusterCodec codec = ClusterCodec.of(true, MemoryChunk.BYTES)) {
      while (true) {
        int at = pageCount * GuestMemory.PAGE_SIZE;
        int page = memory.take(raw, at);
        if (!patience.goOn()) {
          return false;
        }
        if (page < 0) {
          break;
        }
        add(page, at);
        if (pageCount == MemoryChunk.PAGES || duplicateCount == MemoryChunk.MOST_DUPLICATES) {
          flush(codec);
        }
      }
      flush(codec);
    }
    section(Section.END, ByteBuffer.allocate(4).putInt(0, named));
    return true;
  }

  private void add(int page, int at) {
    if (Arrays.equals(raw, at, at + GuestMemory.PAGE_SIZE, ZEROS, 0, GuestMemory.PAGE_SIZE)) {
      return;
    }
    named++;
    sha.update(raw, at, GuestMemory.PAGE_SIZE);
    digest.clear().put(sha.digest());
    Integer first = known.putIfAbsent(new Digest(digest.getLong(0), digest.getLong(8)), page);
    if (first == null) {
      pages[pageCount++] = page;
    } else {
      duplicates[2 * duplicateCount] = page;
      duplicates[2 * duplicateCount + 1] = first;
      duplicateCount++;
    }
  }

  private void flush(ClusterCodec codec) throws IOException {
    if (pageCount == 0 && duplicateCount == 0) {
      return;
    }
    int rawLength = pageCount * GuestMemory.PAGE_SIZE;
    Arrays.fill(raw, rawLength, raw.length, (byte) 0);
    int length = pageCount == 0 ? 0 : codec.pack(raw, packed, MemoryChunk.LEVEL);
    boolean plain = length < 0 || length >= rawLength;
    ByteBuffer content =
        ByteBuffer.allocate(8 + 4 * pageCount + 8 * duplicateCount + (plain ? rawLength : length));
    content.putInt(pageCount).putInt(duplicateCount);
    for (int i = 0; i < pageCount; i++) {
      content.putInt(pages[i]);
    }
    for (int i = 0; i < 2 * duplicateCount; i++) {
      content.putInt(duplicates[i]);
    }
    if (plain) {
      content.put(raw, 0, rawLength);
    } else {
      content.put(packed, 0, length);
    }
    section(Section.MEMORY, content.flip());
    pageCount = 0;
    duplicateCount = 0;
  }

  private void section(Section section, ByteBuffer content) throws IOException {
    if (content.remaining() > section.most) {
      throw new IOException(
          "The machine's state is larger than a snapshot can hold (%s: %d bytes); please report it."
              .formatted(section, content.remaining()));
    }
    CRC32C crc = new CRC32C();
    crc.update(content.duplicate());
    sink.write(ByteBuffer.allocate(8).putInt(section.tag).putInt(content.remaining()).flip());
    sink.write(content);
    sink.write(ByteBuffer.allocate(4).putInt(0, (int) crc.getValue()));
  }
}
