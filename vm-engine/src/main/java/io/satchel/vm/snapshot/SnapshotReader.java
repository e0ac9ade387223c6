package io.satchel.vm.snapshot;

import io.satchel.image.format.qcow2.ClusterCodec;
import io.satchel.vm.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Reads what {@link SnapshotWriter} wrote. The bytes are untrusted: every length is checked before
 * anything is allocated, and all of the stream is read and compared with its sums before anything
 * of a machine is changed.
 */
public final class SnapshotReader {

  /** The stream's bytes, from several threads. */
  public interface Source {
    /** Bytes in all. */
    long size();

    /** Fills {@code target}, which lies inside. */
    void read(long offset, ByteBuffer target) throws IOException;
  }

  private static final int FRAME = 12;
  private static final byte ABSENT = 0;
  private static final byte STORED = 1;
  private static final byte DUPLICATE = 2;

  private record Place(Section section, long offset, int length) {}

  /** What one thread needs to unpack chunks, made once. */
  private static final class Workspace implements AutoCloseable {
    final ClusterCodec codec = ClusterCodec.of(true, MemoryChunk.BYTES);
    final byte[] section = new byte[Section.MEMORY.most + 4];
    final byte[] packed = new byte[MemoryChunk.BYTES];
    final byte[] raw = new byte[MemoryChunk.BYTES];

    @Override
    public void close() {
      codec.close();
    }
  }

  /** Something done to a section with a memory chunk. */
  private interface ChunkWork {
    void on(ByteBuffer content, Workspace space) throws IOException;
  }

  private final Source source;
  private final List<Place> places = new ArrayList<>();

  /** Finds the sections, as far as {@code last}. */
  private SnapshotReader(Source source, Section last) throws IOException {
    this.source = source;
    ByteBuffer head = ByteBuffer.allocate(8);
    if (source.size() < 8) {
      throw broken("it is too short");
    }
    source.read(0, head);
    long magic = head.getLong(0);
    if (magic >>> 8 != Section.MAGIC >>> 8) {
      throw new StateFormatException(
          "The snapshot was not saved by Satchel, so its machine cannot go on here; its disk can be"
              + " restored with `satchel img snapshot -a`");
    }
    if (magic != Section.MAGIC) {
      throw new StateFormatException(
          "The snapshot was saved by a newer version of Satchel; install that version");
    }
    find(last);
  }

  private void find(Section last) throws IOException {
    ByteBuffer frame = ByteBuffer.allocate(8);
    long at = 8;
    int next = 0;
    while (true) {
      if (source.size() - at < FRAME) {
        throw broken("it is cut short");
      }
      source.read(at, frame.clear());
      Section section = named(frame.getInt(0));
      int length = frame.getInt(4);
      if (length < 0 || length > section.most || length > source.size() - at - FRAME) {
        throw broken("a part of it has an impossible length");
      }
      boolean again = section == Section.MEMORY && next == Section.MEMORY.ordinal() + 1;
      if (section.ordinal() < next && !again) {
        throw broken("its parts are out of order");
      }
      next = section.ordinal() + 1;
      places.add(new Place(section, at + 8, length));
      at += FRAME + length;
      if (section.ordinal() >= last.ordinal()) {
        return;
      }
    }
  }

  private static Section named(int tag) throws StateFormatException {
    for (Section section : Section.values()) {
      if (section.tag == tag) {
        return section;
      }
    }
    throw broken("it has an unknown part");
  }

  private static StateFormatException broken(String why) {
    return new StateFormatException("The saved machine cannot be read: " + why);
  }

  /** The whole of a saved machine, found and in order. */
  public static SnapshotReader open(Source source) throws IOException {
    return new SnapshotReader(source, Section.END);
  }

  /**
   * The PNG picture of the screen when it was saved, or {@code null}; reads nothing behind it.
   *
   * @throws StateFormatException it was not saved by this program, or is broken
   */
  public static byte @Nullable [] picture(Source source) throws IOException {
    SnapshotReader reader = new SnapshotReader(source, Section.PICTURE);
    Place place = reader.place(Section.PICTURE);
    return place == null ? null : reader.content(place);
  }

  private @Nullable Place place(Section section) {
    for (Place place : places) {
      if (place.section == section) {
        return place;
      }
    }
    return null;
  }

  private byte[] content(Place place) throws IOException {
    byte[] bytes = new byte[place.length + 4];
    return Arrays.copyOf(bytes, checked(place, bytes).limit());
  }

  /** Reads a section's content into the beginning of {@code bytes}, and compares its sum. */
  private ByteBuffer checked(Place place, byte[] bytes) throws IOException {
    ByteBuffer content = ByteBuffer.wrap(bytes, 0, place.length + 4);
    source.read(place.offset, content);
    content.flip();
    int sum = content.getInt(place.length);
    content.limit(place.length);
    CRC32C crc = new CRC32C();
    crc.update(content.duplicate());
    if ((int) crc.getValue() != sum) {
      throw broken("a part of it has changed since it was written");
    }
    return content;
  }

  private byte[] only(Section section) throws IOException {
    Place place = place(section);
    if (place == null) {
      throw broken("a part of it is missing");
    }
    return content(place);
  }

  /** Whose state it is. */
  public MachineShape shape() throws IOException {
    return StateCodec.decode(only(Section.SHAPE), MachineShape.class, "the machine");
  }

  /** All but the memory. */
  public MachineState state() throws IOException {
    return StateCodec.decode(only(Section.STATE), MachineState.class, "the machine");
  }

  /**
   * Reads all of the memory without keeping it.
   *
   * @param pages how many the machine has
   * @throws StateFormatException it is broken
   */
  public Memory checkMemory(int pages) throws IOException {
    byte[] kinds = new byte[pages];
    List<int[]> duplicates = new ArrayList<>();
    AtomicInteger named = new AtomicInteger();
    each(
        (content, space) -> {
          int stored = content.getInt();
          int duplicated = content.getInt();
          if (stored < 0
              || stored > MemoryChunk.PAGES
              || duplicated < 0
              || duplicated > MemoryChunk.MOST_DUPLICATES
              || content.remaining() < 4 * stored + 8 * duplicated) {
            throw broken("a piece of its memory is malformed");
          }
          int[] pairs = new int[2 * duplicated];
          synchronized (kinds) {
            for (int i = 0; i < stored; i++) {
              name(kinds, content.getInt(), STORED);
            }
            for (int i = 0; i < duplicated; i++) {
              pairs[2 * i] = name(kinds, content.getInt(), DUPLICATE);
              pairs[2 * i + 1] = content.getInt();
            }
            duplicates.add(pairs);
          }
          if (stored > 0 && !content.hasRemaining()) {
            throw broken("a piece of its memory is malformed");
          }
          named.addAndGet(stored + duplicated);
        });
    for (int[] pairs : duplicates) {
      for (int i = 1; i < pairs.length; i += 2) {
        if (pairs[i] < 0 || pairs[i] >= pages || kinds[pairs[i]] != STORED) {
          throw broken("a page of its memory is said to be like one that is not there");
        }
      }
    }
    byte[] end = only(Section.END);
    if (end.length != 4 || ByteBuffer.wrap(end).getInt() != named.get()) {
      throw broken("a piece of its memory is missing");
    }
    return new Memory(this, kinds, duplicates);
  }

  private static int name(byte[] kinds, int page, byte kind) throws StateFormatException {
    if (page < 0 || page >= kinds.length || kinds[page] != ABSENT) {
      throw broken("a page of its memory is out of place");
    }
    kinds[page] = kind;
    return page;
  }

  /** Memory that has been checked. */
  public static final class Memory {
    private final SnapshotReader reader;
    private final byte[] kinds;
    private final List<int[]> duplicates;

    private Memory(SnapshotReader reader, byte[] kinds, List<int[]> duplicates) {
      this.reader = reader;
      this.kinds = kinds;
      this.duplicates = duplicates;
    }

    /**
     * Makes guest memory what it was.
     *
     * @throws IOException it could not be read after all; the memory is then of no use
     */
    public void load(GuestMemory memory) throws IOException {
      memory.replaceAll();
      byte[] bytes = memory.bytes();
      reader.each((content, space) -> unpack(content, space, bytes));
      int size = GuestMemory.PAGE_SIZE;
      for (int[] pairs : duplicates) {
        for (int i = 0; i < pairs.length; i += 2) {
          System.arraycopy(bytes, pairs[i + 1] * size, bytes, pairs[i] * size, size);
        }
      }
      for (int page = 0; page < kinds.length; page++) {
        memory.replaced(page, kinds[page] == ABSENT);
      }
      memory.dirtyAll();
    }

    private static void unpack(ByteBuffer content, Workspace space, byte[] memory)
        throws IOException {
      int stored = content.getInt();
      int duplicated = content.getInt();
      if (stored == 0) {
        return;
      }
      int[] pages = new int[stored];
      for (int i = 0; i < stored; i++) {
        pages[i] = content.getInt();
      }
      content.position(content.position() + 8 * duplicated);
      byte[] raw;
      int from = 0;
      if (content.remaining() == stored * GuestMemory.PAGE_SIZE) {
        raw = content.array();
        from = content.position();
      } else {
        int length = content.remaining();
        raw = space.raw;
        if (length > space.packed.length) {
          throw broken("a piece of its memory is malformed");
        }
        content.get(space.packed, 0, length);
        if (!space.codec.unpack(space.packed, length, raw)) {
          throw broken("a piece of its memory cannot be unpacked");
        }
      }
      for (int i = 0; i < stored; i++) {
        System.arraycopy(
            raw,
            from + i * GuestMemory.PAGE_SIZE,
            memory,
            pages[i] * GuestMemory.PAGE_SIZE,
            GuestMemory.PAGE_SIZE);
      }
    }
  }

  /** Does the work for each memory section, on all processors of the host. */
  private void each(ChunkWork work) throws IOException {
    List<Place> chunks = places.stream().filter(p -> p.section == Section.MEMORY).toList();
    AtomicInteger next = new AtomicInteger();
    AtomicReference<@Nullable Exception> failure = new AtomicReference<>();
    Runnable worker =
        () -> {
          try (Workspace space = new Workspace()) {
            int i;
            while ((i = next.getAndIncrement()) < chunks.size() && failure.get() == null) {
              ByteBuffer content = checked(chunks.get(i), space.section);
              if (content.remaining() < 8) {
                throw broken("a piece of its memory is malformed");
              }
              work.on(content, space);
            }
          } catch (IOException | RuntimeException e) {
            failure.compareAndSet(null, e);
          }
        };
    int helpers = Math.clamp(Runtime.getRuntime().availableProcessors() - 1, 0, 7);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < Math.min(helpers, chunks.size() / 8); i++) {
      threads.add(Thread.ofPlatform().daemon().name("satchel-restore").start(worker));
    }
    worker.run();
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (true) {
        try {
          thread.join();
          break;
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    switch (failure.get()) {
      case null -> {
        // All of it went well.
      }
      case IOException io -> throw io;
      case Exception defect -> throw new IllegalStateException(defect);
    }
  }
}
