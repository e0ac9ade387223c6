package io.satchel.image.container;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.zip.CRC32;

/**
 * A deflated stream, as gzip members (RFC 1952) or bare as in a zip file. One pass checks it and
 * notes places to begin at; the further the stream goes, the wider apart, so that they never take
 * more than a bound.
 */
final class DeflatedStorage extends UnpackedStorage {
  private static final int MAX_PLACES = 1024;
  private static final long FIRST_SPACING = 1 << 20;

  /** A place to begin at. */
  private record Place(long output, DeflateDecoder.State state) {}

  private final TreeMap<Long, Place> places;
  private final long start;
  private final long end;
  private final boolean gzip;

  private DeflatedStorage(
      Storage file, long start, long end, boolean gzip, long size, TreeMap<Long, Place> places) {
    super(file, size);
    this.start = start;
    this.end = end;
    this.gzip = gzip;
    this.places = places;
  }

  /** A gzip file. */
  static DeflatedStorage gzip(Storage file) throws IOException {
    return index(file, 0, file.size(), true, -1, 0);
  }

  /**
   * Bare deflated data of a zip file.
   *
   * @param size how long it says to be when it is unpacked
   */
  static DeflatedStorage bare(Storage file, long start, long end, long size, int crc)
      throws IOException {
    return index(file, start, end, false, size, crc);
  }

  private static DeflatedStorage index(
      Storage file, long start, long end, boolean gzip, long expected, int expectedCrc)
      throws IOException {
    TreeMap<Long, Place> places = new TreeMap<>();
    long spacing = FIRST_SPACING;
    long next = spacing;
    Members cursor = new Members(file, start, end, gzip);
    cursor.checking = true;
    byte[] scratch = new byte[DeflateDecoder.STEP];
    while (cursor.read(scratch, 0, scratch.length) >= 0) {
      if (expected >= 0 && cursor.position > expected) {
        throw corrupt(file, "holds more than it says", start);
      }
      if (cursor.position >= next && cursor.canStop()) {
        places.put(cursor.position, new Place(cursor.position, cursor.state()));
        next = cursor.position + spacing;
        if (places.size() > MAX_PLACES) {
          spacing *= 2;
          thin(places);
        }
      }
    }
    if (expected >= 0
        && (cursor.position != expected || (int) cursor.crc.getValue() != expectedCrc)) {
      throw corrupt(file, "holds something else than it says: its checksum differs", start);
    }
    return new DeflatedStorage(file, start, end, gzip, cursor.position, places);
  }

  private static void thin(TreeMap<Long, Place> places) {
    List<Long> keys = new ArrayList<>(places.keySet());
    for (int i = 0; i < keys.size(); i += 2) {
      places.remove(keys.get(i));
    }
  }

  @Override
  long startBefore(long offset) {
    Long place = places.floorKey(offset);
    return place == null ? 0 : place;
  }

  @Override
  Cursor open(long offset) throws IOException {
    var place = places.floorEntry(offset);
    if (place == null) {
      return new Members(file, start, end, gzip);
    }
    Members cursor = new Members(file, start, end, gzip);
    cursor.resume(place.getValue());
    return cursor;
  }

  /** Reads one member after the other. */
  private static final class Members extends Cursor {
    private static final int TRAILER = 8;
    private static final int MAX_HEADER = 1 << 20;

    private final Storage file;
    private final long end;
    private final boolean gzip;
    private final CRC32 crc = new CRC32();
    private long memberStart;
    private DeflateDecoder decoder;
    private boolean checking;
    private boolean atEnd;

    Members(Storage file, long start, long end, boolean gzip) throws IOException {
      this.file = file;
      this.end = end;
      this.gzip = gzip;
      decoder = new DeflateDecoder(file, gzip ? header(start) : start, end);
    }

    void resume(Place place) throws IOException {
      decoder = new DeflateDecoder(file, end, place.state());
      position = place.output();
      checking = false;
    }

    boolean canStop() {
      return decoder.atState();
    }

    DeflateDecoder.State state() {
      return decoder.state();
    }

    @Override
    int read(byte[] to, int offset, int length) throws IOException {
      while (!atEnd) {
        int n = decoder.decode(to, offset, length);
        if (n > 0) {
          position += n;
          if (checking) {
            crc.update(to, offset, n);
          }
          return n;
        }
        nextMember();
      }
      return -1;
    }

    private void nextMember() throws IOException {
      if (!gzip) {
        atEnd = true;
        return;
      }
      long at = decoder.byteAfter();
      if (at + TRAILER > end) {
        throw truncated(at);
      }
      ByteBuffer trailer = ByteBuffer.allocate(TRAILER);
      file.read(at, trailer);
      if (checking && Integer.reverseBytes(trailer.getInt(0)) != (int) crc.getValue()) {
        throw corrupt(file, "holds something else than it says: its checksum differs", at);
      }
      crc.reset();
      at += TRAILER;
      if (end - at < 18 || !startsMember(at)) {
        // What follows is padding, as tapes have it.
        atEnd = true;
        return;
      }
      decoder = new DeflateDecoder(file, header(at), end);
    }

    private boolean startsMember(long at) throws IOException {
      ByteBuffer magic = ByteBuffer.allocate(4);
      file.read(at, magic);
      return GzipFormat.isMember(magic.flip());
    }

    private ImageException truncated(long at) {
      return new ImageException(
          ImageException.Kind.TRUNCATED,
          file.name(),
          "is cut short: its packed data goes on past its end",
          "download or copy it again",
          at,
          null);
    }

    /** The place after a member's header. */
    private long header(long at) throws IOException {
      memberStart = at;
      ByteBuffer h = ByteBuffer.allocate(12);
      file.read(at, h);
      if (at + 18 > end) {
        throw truncated(at);
      }
      if (!GzipFormat.isMember(h.flip())) {
        throw corrupt(file, "has no gzip header", at);
      }
      int flags = h.get(3);
      long next = at + 10;
      if ((flags & 4) != 0) {
        next += 2 + (h.get(10) & 0xff) + ((h.get(11) & 0xff) << 8);
      }
      for (int flag : new int[] {8, 16}) {
        if ((flags & flag) != 0) {
          next = afterText(next);
        }
      }
      next += (flags & 2) != 0 ? 2 : 0;
      if (next >= end) {
        throw truncated(next);
      }
      return next;
    }

    private long afterText(long at) throws IOException {
      ByteBuffer piece = ByteBuffer.allocate(256);
      for (long from = at; from - at < MAX_HEADER && from < end; from += piece.capacity()) {
        file.read(from, piece.clear());
        for (int i = 0; i < piece.capacity(); i++) {
          if (piece.get(i) == 0) {
            return from + i + 1;
          }
        }
      }
      throw corrupt(file, "has a gzip header that does not end", memberStart);
    }
  }
}
