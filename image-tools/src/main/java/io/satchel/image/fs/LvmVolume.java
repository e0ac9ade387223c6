package io.satchel.image.fs;

import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.FilterDevice;
import io.satchel.image.block.ImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A physical volume of LVM2 (LVM2, lib/format_text/layout.h; lvm(8), pvck(8)): a label, text
 * metadata in a ring, and extents. What belongs to no logical volume is free; those that lie here
 * in plain pieces are disks of their own.
 */
public final class LvmVolume implements Volume {
  private static final int SECTOR = 512;
  private static final int LABEL_SECTORS = 4;
  private static final int ID = 32;
  private static final int MDA_HEADER = 512;
  private static final int IGNORED = 1;
  private static final int MAX_TEXT = 16 << 20;
  private static final int MAX_AREAS = 16;
  private static final int MAX_SEGMENTS = 100_000;
  private static final int CRC_START = 0xf597a6cf;
  private static final int CRC_POLYNOMIAL = 0xedb88320;

  private final BlockDevice disk;
  private final long start;
  private final long length;
  private final Region region;
  private String group = "";
  private @Nullable String problem;
  private long extentsAt;
  private long extentBytes = SECTOR;
  private long extents;

  /** Extents of this volume that are in use: the first, and how many. */
  private final TreeMap<Long, Long> used = new TreeMap<>();

  private final List<Logical> logical = new ArrayList<>();

  /** A piece of a logical volume; all three in bytes, places from the disk's start. */
  private record Piece(long at, long place, long length) {}

  private LvmVolume(BlockDevice disk, long start, long length) {
    this.disk = disk;
    this.start = start;
    this.length = length;
    region = new Region(disk, start, length, "LVM");
  }

  static @Nullable Volume probe(BlockDevice disk, long start, long length) throws IOException {
    for (int i = 0; i < LABEL_SECTORS; i++) {
      ByteBuffer label = Volume.read(disk, start + i * SECTOR, SECTOR);
      boolean marked = text(label, 0, 8).equals("LABELONE") && label.getLong(8) == i;
      if (marked && text(label, 24, 8).equals("LVM2 001")) {
        LvmVolume volume = new LvmVolume(disk, start, length);
        try {
          volume.open(label);
        } catch (ImageException e) {
          volume.problem = e.problem();
          volume.logical.clear();
        }
        return volume;
      }
    }
    return null;
  }

  private static String text(ByteBuffer b, int at, int length) {
    byte[] bytes = new byte[length];
    b.get(at, bytes);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  private ImageException broken(String what) {
    return region.broken(what);
  }

  // --- Label and metadata areas ---

  private void open(ByteBuffer label) throws IOException {
    int at = label.getInt(20);
    if (label.getInt(16) != crc(label, 20, SECTOR - 20)) {
      throw broken("has a label with a wrong checksum");
    }
    if (at < 32 || at > SECTOR - ID - 8 - 32) {
      throw broken("has a label whose header lies outside");
    }
    String id = text(label, at, ID);
    int next = at + ID + 8;
    // Two lists, each ended by zeros: where data lies, then where metadata lies.
    for (int i = 0; label.getLong(next) != 0; i++, next += 16) {
      if (i > MAX_AREAS || next > SECTOR - 48) {
        throw broken("has a label that never ends");
      }
    }
    next += 16;
    Map<String, Object> newest = null;
    for (int i = 0; next <= SECTOR - 16 && label.getLong(next) != 0; i++, next += 16) {
      if (i > MAX_AREAS) {
        throw broken("has a label that never ends");
      }
      Map<String, Object> found = area(label.getLong(next), label.getLong(next + 8));
      if (found != null && (newest == null || sequence(found) > sequence(newest))) {
        newest = found;
      }
    }
    if (newest == null) {
      throw broken("holds no description of its group");
    }
    read(newest, id);
  }

  /** The group as one metadata area describes it; null when it holds none. */
  private @Nullable Map<String, Object> area(long at, long size) throws IOException {
    ByteBuffer h = region.read(at, MDA_HEADER);
    if (h.getInt(0) != crc(h, 4, MDA_HEADER - 4)
        || !text(h, 4, 16).equals(" LVM2 x[5A%r0N*>")
        || h.getInt(20) != 1
        || h.getLong(24) != at
        || h.getLong(32) != size
        || size <= MDA_HEADER) {
      throw broken("has a metadata area that is broken");
    }
    long offset = h.getLong(40);
    long bytes = h.getLong(48);
    if (offset == 0 || (h.getInt(60) & IGNORED) != 0) {
      return null;
    }
    if (offset < MDA_HEADER
        || offset >= size
        || bytes <= 0
        || bytes > Math.min(MAX_TEXT, size - MDA_HEADER)) {
      throw broken("has metadata at an impossible place");
    }
    ByteBuffer all = ByteBuffer.allocate((int) bytes);
    long first = Math.min(bytes, size - offset);
    region.read(at + offset, all.limit((int) first));
    region.read(at + MDA_HEADER, all.limit((int) bytes));
    if (h.getInt(56) != crc(all.clear(), 0, (int) bytes)) {
      throw broken("has metadata with a wrong checksum");
    }
    String text = new String(all.array(), StandardCharsets.UTF_8);
    for (Map.Entry<String, Object> each : LvmText.parse(text, this::broken).entrySet()) {
      if (each.getValue() instanceof Map<?, ?> section && section.containsKey("seqno")) {
        Map<String, Object> found = LvmText.section(section);
        found.put("", each.getKey());
        return found;
      }
    }
    throw broken("has metadata without a group");
  }

  private static long sequence(Map<String, Object> found) {
    return found.get("seqno") instanceof Long number ? number : -1;
  }

  /** LVM's own checksum: CRC-32's polynomial with another beginning and end. */
  static int crc(ByteBuffer bytes, int from, int count) {
    int crc = CRC_START;
    for (int i = from; i < from + count; i++) {
      crc ^= bytes.get(i) & 0xff;
      for (int bit = 0; bit < 8; bit++) {
        crc = crc >>> 1 ^ ((crc & 1) != 0 ? CRC_POLYNOMIAL : 0);
      }
    }
    return crc;
  }

  // --- What the text says ---

  private void read(Map<String, Object> found, String id) throws ImageException {
    group = Objects.toString(found.get(""));
    long extentSectors = number(found, "extent_size");
    if (extentSectors <= 0 || extentSectors > 1L << 32) {
      throw broken("has extents of an impossible size");
    }
    extentBytes = extentSectors * SECTOR;
    String own = null;
    for (Map.Entry<String, Object> each : section(found, "physical_volumes").entrySet()) {
      Map<String, Object> volume = LvmText.section(each.getValue());
      if (Objects.toString(volume.get("id")).replace("-", "").equals(id)) {
        own = each.getKey();
        extentsAt = number(volume, "pe_start");
        extents = number(volume, "pe_count");
      }
    }
    if (own == null) {
      throw broken("describes a group that it does not belong to");
    }
    if (extentsAt <= 0
        || extentsAt > length / SECTOR
        || extents < 0
        || extents > (length - extentsAt * SECTOR) / extentBytes) {
      throw broken("has extents that lie outside");
    }
    extentsAt *= SECTOR;
    Map<String, Object> volumes = section(found, "logical_volumes");
    Set<String> needed = names(volumes);
    for (Map.Entry<String, Object> each : volumes.entrySet()) {
      Map<String, Object> volume = LvmText.section(each.getValue());
      List<Piece> pieces = pieces(volume, own, section(found, "physical_volumes").keySet());
      boolean visible = volume.get("status") instanceof List<?> s && s.contains("VISIBLE");
      // What a snapshot, a pool or a mirror rests on has more in it than its own files.
      if (visible && pieces != null && !needed.contains(each.getKey())) {
        logical.add(new Logical(each.getKey(), pieces));
      }
    }
  }

  private Map<String, Object> section(Map<String, Object> from, String name) {
    Object found = from.get(name);
    return found == null ? Map.of() : LvmText.section(found);
  }

  private long number(Map<String, Object> from, String name) throws ImageException {
    if (from.get(name) instanceof Long number) {
      return number;
    }
    throw broken("has metadata that does not say " + name);
  }

  /** The logical volumes that segments of others name. */
  private static Set<String> names(Map<String, Object> volumes) {
    Set<String> all = new HashSet<>();
    for (Object volume : volumes.values()) {
      for (Object segment : LvmText.section(volume).values()) {
        if (segment instanceof Map<?, ?> words) {
          for (Object word : words.values()) {
            if (word instanceof String name) {
              all.add(name);
            } else if (word instanceof List<?> list) {
              list.forEach(e -> all.add(Objects.toString(e)));
            }
          }
        }
      }
    }
    return all;
  }

  /** Notes what a volume uses here; its pieces, or null when it is not all here in plain ones. */
  private @Nullable List<Piece> pieces(Map<String, Object> volume, String own, Set<String> physical)
      throws ImageException {
    List<Piece> pieces = new ArrayList<>();
    boolean plain = true;
    long next = 0;
    for (Map.Entry<String, Object> each : volume.entrySet()) {
      if (!each.getKey().matches("segment[0-9]+") || !(each.getValue() instanceof Map<?, ?>)) {
        continue;
      }
      Map<String, Object> segment = LvmText.section(each.getValue());
      long count = number(segment, "extent_count");
      long first = number(segment, "start_extent");
      refuseOtherUses(segment, physical);
      List<?> stripes = segment.get("stripes") instanceof List<?> list ? list : List.of();
      int areas = stripes.size() / 2;
      if (count <= 0 || stripes.size() % 2 != 0 || areas > 0 && count % areas != 0) {
        throw broken("has a segment that cannot be");
      }
      for (int i = 0; i < stripes.size(); i += 2) {
        if (own.equals(stripes.get(i)) && stripes.get(i + 1) instanceof Long place) {
          use(place, count / areas);
        }
      }
      plain &=
          areas == 1
              && "striped".equals(segment.get("type"))
              && own.equals(stripes.getFirst())
              && first == next
              && pieces.size() < MAX_SEGMENTS;
      next = first + count;
      if (plain && stripes.get(1) instanceof Long place) {
        pieces.add(
            new Piece(
                first * extentBytes, start + extentsAt + place * extentBytes, count * extentBytes));
      }
    }
    return plain && !pieces.isEmpty() ? pieces : null;
  }

  /** Extents that are named in another way than as stripes: moved, mirrored as of old. */
  private void refuseOtherUses(Map<String, Object> segment, Set<String> physical)
      throws ImageException {
    for (Map.Entry<String, Object> each : segment.entrySet()) {
      if (!each.getKey().equals("stripes") && each.getValue() instanceof List<?> list) {
        for (Object word : list) {
          if (physical.contains(Objects.toString(word))) {
            throw broken("is being moved or mirrored, or used in a way that is not known here");
          }
        }
      }
    }
  }

  private void use(long first, long count) throws ImageException {
    Map.Entry<Long, Long> before = used.floorEntry(first);
    Long after = used.ceilingKey(first);
    if (first < 0
        || count <= 0
        || first > extents - count
        || before != null && before.getKey() + before.getValue() > first
        || after != null && after < first + count) {
      throw broken("gives extents away that it does not have, or twice");
    }
    used.put(first, count);
  }

  // --- As a volume ---

  @Override
  public String kind() {
    return "LVM";
  }

  @Override
  public String label() {
    return group;
  }

  @Override
  public long size() {
    return length;
  }

  @Override
  public @Nullable String unsafe() {
    return problem;
  }

  @Override
  public String remedy() {
    return FILL_WITH_ZEROS;
  }

  @Override
  public boolean counts() {
    // Its extents are no files: what is in use is told of the logical volumes.
    return false;
  }

  @Override
  public void forEachFree(Range visitor) throws IOException {
    if (problem != null) {
      return;
    }
    long next = 0;
    for (Map.Entry<Long, Long> each : used.entrySet()) {
      tell(visitor, next, each.getKey());
      next = each.getKey() + each.getValue();
    }
    tell(visitor, next, extents);
  }

  private void tell(Range visitor, long from, long to) throws IOException {
    if (to > from) {
      visitor.at(extentsAt + from * extentBytes, (to - from) * extentBytes);
    }
  }

  /** The logical volumes that lie here whole and in plain pieces. */
  public List<Logical> logical() {
    return List.copyOf(logical);
  }

  /** A logical volume, as a disk that is only read. */
  public final class Logical extends FilterDevice {
    private final String name;
    private final List<Piece> pieces;
    private final long size;

    private Logical(String name, List<Piece> pieces) {
      super(LvmVolume.this.disk);
      this.name = name;
      this.pieces = List.copyOf(pieces);
      size = pieces.getLast().at() + pieces.getLast().length();
    }

    /** Where on the disk below its first piece begins. */
    public long start() {
      return pieces.getFirst().place();
    }

    /** Its group's name and its own. */
    public String name() {
      return group + "/" + name;
    }

    @Override
    public long size() {
      return size;
    }

    @Override
    public boolean readOnly() {
      return true;
    }

    private Piece pieceAt(long offset) {
      int low = 0;
      int high = pieces.size() - 1;
      while (low < high) {
        int middle = (low + high + 1) >>> 1;
        if (pieces.get(middle).at() <= offset) {
          low = middle;
        } else {
          high = middle - 1;
        }
      }
      return pieces.get(low);
    }

    /** Tells where a range of this disk lies on the disk below, in bytes from that one's start. */
    public void below(long offset, long bytes, Range visitor) throws IOException {
      Objects.checkFromIndexSize(offset, bytes, size);
      long at = offset;
      while (at < offset + bytes) {
        Piece piece = pieceAt(at);
        long n = Math.min(offset + bytes, piece.at() + piece.length()) - at;
        visitor.at(piece.place() + at - piece.at(), n);
        at += n;
      }
    }

    @Override
    public void read(long offset, ByteBuffer target) throws IOException {
      int limit = target.limit();
      try {
        below(
            offset,
            target.remaining(),
            (place, n) -> {
              target.limit(target.position() + (int) n);
              disk.read(place, target);
            });
      } finally {
        target.limit(limit);
      }
    }

    @Override
    public Extent extent(long offset, long bytes) throws IOException {
      Piece piece = pieceAt(Objects.checkIndex(offset, size));
      long n = Math.min(bytes, piece.at() + piece.length() - offset);
      return disk.extent(piece.place() + offset - piece.at(), n);
    }

    @Override
    public void write(long offset, ByteBuffer source) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void writeZeroes(long offset, long bytes, boolean unmap) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void discard(long offset, long bytes) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
      // The disk below belongs to somebody else.
    }
  }
}
