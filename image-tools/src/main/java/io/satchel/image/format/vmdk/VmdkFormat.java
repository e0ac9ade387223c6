package io.satchel.image.format.vmdk;

import io.satchel.image.block.ImageException;
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
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;

/**
 * VMware's VMDK (VMware Virtual Disk Format 1.1): one sparse file with its descriptor inside, or a
 * descriptor that names sparse or flat files in its own folder, or a compressed stream.
 */
public final class VmdkFormat implements ImageFormat {
  private static final String HEAD = "# Disk DescriptorFile";
  private static final int SECTOR = 512;
  private static final int GRAIN_SECTORS = 128;
  private static final int TABLE_ENTRIES = 512;
  private static final int DESCRIPTOR_SECTORS = 20;
  private static final int MAX_EXTENTS = 4096;

  @Override
  public String name() {
    return "vmdk";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    if (SparseExtent.probe(head)) {
      return true;
    }
    byte[] text = new byte[Math.min(head.limit(), 256)];
    head.get(0, text);
    String start = new String(text, StandardCharsets.ISO_8859_1);
    return start.strip().toLowerCase(Locale.ROOT).startsWith(HEAD.toLowerCase(Locale.ROOT));
  }

  @Override
  public LayeredDevice open(Storage file, Purpose purpose) throws IOException {
    ByteBuffer magic = ByteBuffer.allocate(4);
    file.read(0, magic);
    if (SparseExtent.probe(magic.flip())) {
      SparseExtent extent = SparseExtent.open(file);
      String text = text(file, extent.descriptorSector * 512L, extent.descriptorSectors * SECTOR);
      return new VmdkDevice(
          List.of(new VmdkDevice.Piece(0, file.name(), extent)), new Descriptor(text));
    }
    if (file.size() > Descriptor.MAX_BYTES) {
      throw BlockTableDevice.corrupt(file, "is no VMDK and too long to describe one", 0);
    }
    return openDescribed(file, new Descriptor(text(file, 0, (int) file.size())));
  }

  private static String text(Storage file, long offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    file.read(offset, bytes);
    return new String(bytes.array(), StandardCharsets.ISO_8859_1);
  }

  private static LayeredDevice openDescribed(Storage file, Descriptor descriptor)
      throws IOException {
    if (descriptor.extents.isEmpty() || descriptor.extents.size() > MAX_EXTENTS) {
      throw BlockTableDevice.corrupt(file, "describes no disk", 0);
    }
    List<VmdkDevice.Piece> pieces = new ArrayList<>();
    boolean done = false;
    try {
      long start = 0;
      for (Descriptor.Extent extent : descriptor.extents) {
        VmdkDevice.Piece piece = openExtent(file, extent, start);
        pieces.add(piece);
        start += piece.device().size();
      }
      done = true;
    } finally {
      if (!done) {
        for (VmdkDevice.Piece piece : pieces) {
          piece.device().close();
        }
      }
    }
    file.close();
    return new VmdkDevice(pieces, descriptor);
  }

  private static VmdkDevice.Piece openExtent(Storage file, Descriptor.Extent extent, long start)
      throws IOException {
    if (extent.sectors() > 1L << 46) {
      throw BlockTableDevice.corrupt(file, "describes an extent of an impossible size", 0);
    }
    long size = extent.sectors() * SECTOR;
    String name = extent.file();
    if (extent.type().equals("ZERO")) {
      return new VmdkDevice.Piece(start, "", new FlatExtent(file, size, 0, true));
    }
    if (name == null || !List.of("SPARSE", "FLAT", "VMFS").contains(extent.type())) {
      throw BlockTableDevice.unsupported(file, "has an extent of the type " + extent.type());
    }
    HostFile part = HostFile.open(part(file, name), !file.readOnly(), HostFile.Locking.YES);
    boolean done = false;
    try {
      LayeredDevice device;
      if (extent.type().equals("SPARSE")) {
        device = SparseExtent.open(part);
      } else {
        long offset = extent.offset() * SECTOR;
        if (offset < 0 || offset + size > part.size()) {
          throw BlockTableDevice.truncated(part, "data of its disk", offset + size);
        }
        device = new FlatExtent(part, size, offset, false);
      }
      done = true;
      return new VmdkDevice.Piece(start, part.name(), device);
    } finally {
      if (!done) {
        part.close();
      }
    }
  }

  /** A file that a descriptor names: in its own folder, or none (CVE-2015-5163 and its like). */
  private static Path part(Storage file, String name) throws IOException {
    if (!(file instanceof HostFile host)) {
      throw BlockTableDevice.unsupported(file, "names other files, and this is no file itself");
    }
    Path path = host.path().toAbsolutePath().resolveSibling(name).normalize();
    if (!Files.exists(path)) {
      throw new ImageException(
          ImageException.Kind.BACKING_MISSING,
          file.name(),
          "keeps its data in " + path + ", which does not exist",
          "put that file there");
    }
    Path folder = host.path().toRealPath().getParent();
    if (folder == null || !path.toRealPath().startsWith(folder)) {
      throw new ImageException(
          ImageException.Kind.BACKING_REFUSED,
          file.name(),
          "asks for the file " + path + ", which lies outside its own folder",
          "move both into one folder if you trust the image");
    }
    return path;
  }

  @Override
  public Map<String, String> options() {
    Map<String, String> all = new LinkedHashMap<>();
    all.put("adapter_type", "Virtual adapter type: ide (default), lsilogic, buslogic, legacyESX");
    all.put("subformat", "VMDK flat extent format: monolithicSparse");
    all.put("zeroed_grain", "Enable efficient zero writes using the zeroed-grain GTE feature");
    all.put("hwversion", "VMDK hardware version");
    return all;
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    OptionReader reader = new OptionReader(file.name(), options);
    final String adapter = reader.text("adapter_type", "ide");
    final String subformat = reader.text("subformat", "monolithicSparse");
    final boolean zeroed = reader.flag("zeroed_grain", false);
    final String hardware = reader.text("hwversion", "4");
    reader.end();
    if (!subformat.equals("monolithicSparse")) {
      throw OptionReader.impossible(file.name(), "cannot be made with the subformat " + subformat);
    }
    if (!List.of("ide", "lsilogic", "buslogic", "legacyESX").contains(adapter)
        || !hardware.matches("[0-9]{1,4}")) {
      throw OptionReader.impossible(file.name(), "cannot have that adapter or hardware version");
    }
    long capacity = Math.ceilDiv(size, SECTOR);
    long tables = Math.ceilDiv(Math.ceilDiv(capacity, GRAIN_SECTORS), TABLE_ENTRIES);
    long tableSectors = TABLE_ENTRIES * 4 / SECTOR;
    long directorySectors = Math.ceilDiv(tables * 4, SECTOR);
    long spare = 1 + DESCRIPTOR_SECTORS;
    long directory = spare + directorySectors + tables * tableSectors;
    long overhead =
        Math.ceilDiv(directory + directorySectors + tables * tableSectors, GRAIN_SECTORS)
            * GRAIN_SECTORS;
    if (tables > 1 << 20) {
      throw OptionReader.impossible(file.name(), "cannot hold so large a disk as VMDK");
    }
    ByteBuffer h = ByteBuffer.allocate(SECTOR).order(ByteOrder.LITTLE_ENDIAN);
    h.putInt(SparseExtent.MAGIC).putInt(zeroed ? 2 : 1);
    h.putInt(1 | SparseExtent.FLAG_SPARE | (zeroed ? SparseExtent.FLAG_ZERO_GRAINS : 0));
    h.putLong(capacity).putLong(GRAIN_SECTORS).putLong(1).putLong(DESCRIPTOR_SECTORS);
    h.putInt(TABLE_ENTRIES).putLong(spare).putLong(directory).putLong(overhead);
    // Line ends that a transfer as text would change.
    h.put((byte) 0).put("\n \r\n".getBytes(StandardCharsets.US_ASCII));
    file.setSize(overhead * SECTOR);
    file.write(0, h.clear());
    for (long start : new long[] {spare, directory}) {
      ByteBuffer d =
          ByteBuffer.allocate((int) directorySectors * SECTOR).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < tables; i++) {
        d.putInt((int) (start + directorySectors + i * tableSectors));
      }
      file.write(start * SECTOR, d.clear());
    }
    String leaf = Path.of(file.name()).getFileName().toString().replaceAll("\\.part-.*", "");
    file.write(
        SECTOR,
        ByteBuffer.wrap(
            description(leaf, capacity, adapter, hardware).getBytes(StandardCharsets.UTF_8)));
  }

  private static String description(String leaf, long capacity, String adapter, String hardware) {
    long heads = adapter.equals("ide") ? 16 : 255;
    return String.join(
        "\n",
        HEAD,
        "version=1",
        "CID=" + Integer.toHexString(ThreadLocalRandom.current().nextInt(1 << 24, 1 << 30)),
        "parentCID=ffffffff",
        "createType=\"monolithicSparse\"",
        "",
        "# Extent description",
        "RW " + capacity + " SPARSE \"" + leaf + "\"",
        "",
        "# The Disk Data Base",
        "#DDB",
        "",
        "ddb.virtualHWVersion = \"" + hardware + "\"",
        "ddb.geometry.cylinders = \"" + Math.ceilDiv(capacity, 63 * heads) + "\"",
        "ddb.geometry.heads = \"" + heads + "\"",
        "ddb.geometry.sectors = \"63\"",
        "ddb.adapterType = \"" + adapter + "\"",
        "");
  }
}
