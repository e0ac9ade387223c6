package io.satchel.image.format.vpc;

import io.satchel.image.file.HostFile;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.format.OptionReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/**
 * Microsoft's VHD (Virtual Hard Disk Image Format Specification, October 2006): a footer, and for a
 * dynamic disk a copy of it in front, a header, a block allocation table, and blocks that begin
 * with a bitmap of their sectors.
 */
public final class VpcFormat implements ImageFormat {
  private static final byte[] COOKIE = "conectix".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] SPARSE = "cxsparse".getBytes(StandardCharsets.US_ASCII);
  private static final int FOOTER = 512;
  private static final int DYNAMIC_HEADER = 1024;
  private static final int FIXED = 2;
  private static final int DYNAMIC = 3;
  private static final int DIFFERENCING = 4;
  private static final int BLOCK = 2 << 20;
  private static final long MAX_SIZE = 2040L << 30;
  private static final long MAX_CHS_SECTORS = 65535L * 16 * 255;
  private static final int MAX_ENTRIES = 1 << 26;

  /** Where the times of a VHD begin, in seconds of Unix. */
  private static final long YEAR_2000 = 946_684_800L;

  /** Programs that mean the size field and not the geometry. */
  private static final Set<String> EXACT = Set.of("win ", "qem2", "d2v ", "tap\0", "CXSE");

  @Override
  public String name() {
    return "vpc";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    byte[] cookie = new byte[8];
    if (head.limit() < 8) {
      return false;
    }
    head.get(0, cookie);
    return Arrays.equals(cookie, COOKIE);
  }

  static int checksum(ByteBuffer b, int field) {
    int sum = 0;
    for (int i = 0; i < b.capacity(); i++) {
      sum += i >= field && i < field + 4 ? 0 : b.get(i) & 0xff;
    }
    return ~sum;
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    if (file.size() < FOOTER) {
      throw BlockTableDevice.truncated(file, "the footer", file.size());
    }
    ByteBuffer footer = ByteBuffer.allocate(FOOTER);
    file.read(0, footer);
    boolean dynamic = probe(footer);
    if (!dynamic) {
      file.read(file.size() - FOOTER, footer.clear());
      if (!probe(footer)) {
        throw BlockTableDevice.truncated(file, "the footer of a VHD", file.size());
      }
    }
    int type = footer.getInt(60);
    if (type != FIXED && type != DYNAMIC && type != DIFFERENCING) {
      throw BlockTableDevice.corrupt(file, "is a VHD of an unknown type", 60);
    }
    long size = size(footer);
    if (size < 0 || size > MAX_SIZE) {
      throw BlockTableDevice.corrupt(file, "has an impossible disk size", 48);
    }
    if (type == FIXED) {
      if (size > file.size() - FOOTER) {
        throw BlockTableDevice.truncated(file, "data of its disk", file.size());
      }
      return new Fixed(file, size, id(footer));
    }
    long headerOffset = footer.getLong(16);
    ByteBuffer header = ByteBuffer.allocate(DYNAMIC_HEADER);
    if (headerOffset < 0 || headerOffset > file.size() - DYNAMIC_HEADER) {
      throw BlockTableDevice.corrupt(file, "has its header at an impossible place", 16);
    }
    file.read(headerOffset, header);
    byte[] cookie = new byte[8];
    header.get(0, cookie);
    if (!Arrays.equals(cookie, SPARSE)) {
      throw BlockTableDevice.corrupt(file, "has no dynamic disk header", headerOffset);
    }
    long table = header.getLong(16);
    int entries = header.getInt(28);
    int block = header.getInt(32);
    if (block < 512 || Integer.bitCount(block) != 1 || block > 256 << 20) {
      throw BlockTableDevice.corrupt(file, "has blocks of an impossible size", headerOffset + 32);
    }
    if (entries < 0 || entries > MAX_ENTRIES || (long) entries * block < size) {
      throw BlockTableDevice.corrupt(file, "has a table that is too small", headerOffset + 28);
    }
    if (table < 0 || table > file.size() - entries * 4L) {
      throw BlockTableDevice.truncated(file, "the block allocation table", table);
    }
    int[] map = BlockTableDevice.readInts(file, table, entries, ByteOrder.BIG_ENDIAN);
    return type == DIFFERENCING
        ? new VpcChild(file, size, block, map, table, header.clear(), footer.clear())
        : new Dynamic(file, size, block, map, table, footer.clear());
  }

  /** A disk that another one can name as its parent. */
  interface Identified {
    UUID id();
  }

  static UUID id(ByteBuffer footer) {
    return new UUID(footer.getLong(68), footer.getLong(76));
  }

  private static long size(ByteBuffer footer) {
    byte[] creator = new byte[4];
    footer.get(28, creator);
    long sectors =
        (footer.getShort(56) & 0xffffL) * (footer.get(58) & 0xff) * (footer.get(59) & 0xff);
    boolean exact = EXACT.contains(new String(creator, StandardCharsets.ISO_8859_1));
    return exact || sectors == MAX_CHS_SECTORS ? footer.getLong(48) : sectors * 512;
  }

  @Override
  public Map<String, String> options() {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("backing_file", "File name of a base image, which must be a VHD");
    all.put("backing_fmt", "Must be 'vpc' if present");
    all.put("force_size", "Force disk size calculation to use the actual size specified");
    all.put("subformat", "Type of virtual hard disk format: dynamic (default) or fixed");
    return all;
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    OptionReader reader = new OptionReader(file.name(), options);
    String subformat = reader.text("subformat", "dynamic");
    // The exact size is always kept: a disk that grows by its geometry is nobody's wish.
    reader.flag("force_size", true);
    String backing = reader.textOrNull("backing_file");
    String below = reader.text("backing_fmt", "vpc");
    reader.end();
    if (!below.equals("vpc")) {
      throw OptionReader.impossible(file.name(), "can only lie over another VHD");
    }
    if (!subformat.equals("dynamic") && !subformat.equals("fixed")) {
      throw OptionReader.impossible(file.name(), "cannot have the subformat " + subformat);
    }
    long disk = Math.ceilDiv(size, 512) * 512;
    if (disk > MAX_SIZE) {
      throw OptionReader.impossible(file.name(), "cannot hold more than 2040 GiB as VHD");
    }
    boolean fixed = subformat.equals("fixed");
    if (fixed && backing != null) {
      throw OptionReader.impossible(file.name(), "cannot be fixed and lie over another image");
    }
    ByteBuffer footer = footer(disk, fixed ? FIXED : backing == null ? DYNAMIC : DIFFERENCING);
    if (fixed) {
      file.setSize(disk);
      file.write(disk, footer);
      return;
    }
    int entries = (int) Math.ceilDiv(disk, BLOCK);
    long tableBytes = Math.ceilDiv(entries * 4L, 512) * 512;
    file.write(0, footer.duplicate());
    ByteBuffer header = ByteBuffer.allocate(DYNAMIC_HEADER);
    header.put(SPARSE).putLong(-1).putLong(FOOTER + DYNAMIC_HEADER).putInt(0x00010000);
    header.putInt(entries).putInt(BLOCK);
    long end = FOOTER + DYNAMIC_HEADER + tableBytes;
    if (backing != null) {
      ByteBuffer names = nameParent(file, disk, backing, header, end);
      file.write(end, names);
      end += names.capacity();
    }
    header.putInt(36, checksum(header, 36)).clear();
    file.write(FOOTER, header);
    ByteBuffer table = ByteBuffer.allocate((int) tableBytes);
    Arrays.fill(table.array(), (byte) 0xff);
    file.write(FOOTER + DYNAMIC_HEADER, table);
    file.write(end, footer);
  }

  /** Looks at the parent of a new image, and says in its header which one that is. */
  private ByteBuffer nameParent(Storage file, long size, String backing, ByteBuffer header, long at)
      throws IOException {
    Path self = file.path();
    Path folder = self == null ? null : self.toAbsolutePath().normalize().getParent();
    if (folder == null) {
      throw BlockTableDevice.unsupported(file, "names another file, and is no file itself");
    }
    Path parent = folder.resolve(backing).normalize();
    try (LayeredDevice below =
        open(HostFile.open(parent, false, HostFile.Locking.NO), Purpose.INSPECT)) {
      if (below.size() != size) {
        throw OptionReader.impossible(
            file.name(), "must be as large as its parent, " + below.size() + " bytes");
      }
      long changed = Files.getLastModifiedTime(parent).to(TimeUnit.SECONDS) - YEAR_2000;
      return VpcChild.locate(
          header, ((Identified) below).id(), (int) changed, at, folder.relativize(parent), parent);
    }
  }

  private static ByteBuffer footer(long size, int type) {
    ByteBuffer b = ByteBuffer.allocate(FOOTER);
    b.put(COOKIE).putInt(2).putInt(0x00010000).putLong(type == FIXED ? -1 : FOOTER);
    b.putInt((int) (System.currentTimeMillis() / 1000 - YEAR_2000));
    b.put("qem2".getBytes(StandardCharsets.US_ASCII)).putInt(0x00050003);
    b.put("Wi2k".getBytes(StandardCharsets.US_ASCII)).putLong(size).putLong(size);
    geometry(b, size / 512);
    b.putInt(type).putInt(0);
    UUID id = UUID.randomUUID();
    b.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
    b.putInt(64, checksum(b, 64));
    return b.clear();
  }

  /** The specification's appendix "CHS Calculation". */
  private static void geometry(ByteBuffer b, long sectors) {
    long total = Math.min(sectors, MAX_CHS_SECTORS);
    long perTrack;
    long heads;
    long tracks;
    if (total >= 65535L * 16 * 63) {
      perTrack = 255;
      heads = 16;
      tracks = total / perTrack;
    } else {
      perTrack = 17;
      tracks = total / perTrack;
      heads = Math.max(4, (tracks + 1023) / 1024);
      if (tracks >= heads * 1024 || heads > 16) {
        perTrack = 31;
        heads = 16;
        tracks = total / perTrack;
      }
      if (tracks >= heads * 1024) {
        perTrack = 63;
        heads = 16;
        tracks = total / perTrack;
      }
    }
    b.putShort((short) (tracks / heads)).put((byte) heads).put((byte) perTrack);
  }

  /** The disk's bytes, then the footer. */
  private static final class Fixed extends BlockTableDevice implements Identified {
    private final UUID id;

    Fixed(Storage file, long size, UUID id) {
      super(file, size, 1 << 20);
      this.id = id;
    }

    @Override
    public UUID id() {
      return id;
    }

    @Override
    protected long locate(long block) {
      return block * blockSize;
    }

    @Override
    protected boolean fileTellsHoles() {
      return true;
    }

    @Override
    public int clusterSize() {
      return 0;
    }

    @Override
    protected long allocate(long block) {
      throw new IllegalStateException("every block has its place");
    }

    @Override
    protected void publish(long block, long place) {
      throw new IllegalStateException("every block has its place");
    }

    @Override
    protected void writeTables() {
      // There are none.
    }
  }

  /** Blocks where they were first written. */
  private static final class Dynamic extends BlockTableDevice implements Identified {
    private final int[] map;
    private final long tableOffset;
    private final ByteBuffer footer;
    private final int bitmapBytes;
    private long end;
    private int firstDirty = Integer.MAX_VALUE;
    private int lastDirty = -1;

    Dynamic(Storage file, long size, int block, int[] map, long tableOffset, ByteBuffer footer)
        throws IOException {
      super(file, size, block);
      this.map = map;
      this.tableOffset = tableOffset;
      this.footer = footer;
      bitmapBytes = Math.ceilDiv(Math.ceilDiv(block / 512, 8), 512) * 512;
      long last = tableOffset + Math.ceilDiv(map.length * 4L, 512) * 512;
      for (int entry : map) {
        if (entry != -1) {
          last = Math.max(last, (entry & 0xffffffffL) * 512 + bitmapBytes + block);
        }
      }
      if (last - block > file.size()) {
        throw truncated(file, "data of its disk", last - block);
      }
      end = last;
    }

    @Override
    public UUID id() {
      return VpcFormat.id(footer);
    }

    @Override
    protected long locate(long block) {
      int entry = map[(int) block];
      return entry == -1 ? ABSENT : (entry & 0xffffffffL) * 512 + bitmapBytes;
    }

    @Override
    protected long allocate(long block) throws IOException {
      long place = end;
      ByteBuffer bitmap = ByteBuffer.allocate(bitmapBytes);
      Arrays.fill(bitmap.array(), (byte) 0xff);
      file.write(place, bitmap);
      end = place + bitmapBytes + blockSize;
      return place + bitmapBytes;
    }

    @Override
    protected void publish(long block, long place) {
      map[(int) block] = (int) ((place - bitmapBytes) / 512);
      firstDirty = Math.min(firstDirty, (int) block);
      lastDirty = Math.max(lastDirty, (int) block);
    }

    @Override
    protected void writeTables() throws IOException {
      // The footer's place is always the end; the copy in front covers a crash in between.
      file.write(end, footer.duplicate());
      int from = firstDirty / 128 * 128;
      int to = Math.min(map.length, (lastDirty / 128 + 1) * 128);
      ByteBuffer b = ByteBuffer.allocate((to - from) * 4);
      b.asIntBuffer().put(map, from, to - from);
      file.write(tableOffset + from * 4L, b);
      firstDirty = Integer.MAX_VALUE;
      lastDirty = -1;
    }
  }
}
