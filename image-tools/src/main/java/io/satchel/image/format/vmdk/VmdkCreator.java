package io.satchel.image.format.vmdk;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.OptionReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Lays out new VMDKs: one file or several, sparse, flat or for a stream. */
final class VmdkCreator {
  private static final int SECTOR = 512;
  private static final int GRAIN_SECTORS = 128;
  private static final int TABLE_ENTRIES = 512;
  private static final int DESCRIPTOR_SECTORS = 20;
  private static final int FLAG_MARKERS = 1 << 17;

  /** The files of a disk that is cut up are at most 2 GiB long. */
  private static final long PIECE_SECTORS = (2L << 30) / SECTOR;

  private final Storage file;
  private final String adapter;
  private final String subformat;
  private final boolean zeroed;
  private final String hardware;
  private final String tools;
  private final @Nullable String backing;
  private final long capacity;

  VmdkCreator(Storage file, long size, Map<String, String> options) throws IOException {
    this.file = file;
    OptionReader reader = new OptionReader(file.name(), options);
    adapter = reader.text("adapter_type", "ide");
    subformat = reader.text("subformat", "monolithicSparse");
    zeroed = reader.flag("zeroed_grain", false);
    boolean sixth = reader.flag("compat6", false);
    String version = reader.text("hwversion", "undefined");
    if (sixth && !version.equals("undefined")) {
      throw OptionReader.impossible(file.name(), "cannot have both compat6 and hwversion");
    }
    hardware = version.equals("undefined") ? sixth ? "6" : "4" : version;
    tools = reader.text("toolsversion", "2147483647");
    backing = reader.textOrNull("backing_file");
    String format = reader.text("backing_fmt", "vmdk");
    reader.end();
    capacity = Math.ceilDiv(size, SECTOR);
    boolean flat = subformat.endsWith("Flat");
    if (!List.of(
            "monolithicSparse",
            "monolithicFlat",
            "twoGbMaxExtentSparse",
            "twoGbMaxExtentFlat",
            "streamOptimized")
        .contains(subformat)) {
      throw OptionReader.impossible(file.name(), "cannot be made with the subformat " + subformat);
    }
    if (!List.of("ide", "lsilogic", "buslogic", "legacyESX").contains(adapter)
        || !hardware.matches("[0-9]{1,4}")
        || !tools.matches("[0-9]{1,10}")) {
      throw OptionReader.impossible(file.name(), "cannot have that adapter or hardware version");
    }
    if (flat && backing != null) {
      throw OptionReader.impossible(file.name(), "cannot have a backing file in a flat image");
    }
    if (flat && zeroed) {
      throw OptionReader.impossible(file.name(), "cannot have zeroed grains in a flat image");
    }
    if (backing != null && !format.equals("vmdk")) {
      throw OptionReader.impossible(file.name(), "can only lie over another VMDK");
    }
  }

  void create() throws IOException {
    String leaf = Path.of(file.name()).getFileName().toString().replaceAll("\\.part-.*", "");
    switch (subformat) {
      case "monolithicSparse", "streamOptimized" -> {
        String extents = "RW " + capacity + " SPARSE \"" + leaf + "\"";
        sparse(file, capacity, subformat.equals("streamOptimized"));
        write(file, SECTOR, description(extents));
      }
      default -> {
        String base = leaf.endsWith(".vmdk") ? leaf.substring(0, leaf.length() - 5) : leaf;
        write(file, 0, description(String.join("\n", pieces(base))));
      }
    }
  }

  private static void write(Storage file, long at, String text) throws IOException {
    file.write(at, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Makes the other files, and the lines that name them. */
  private List<String> pieces(String base) throws IOException {
    Path path = file.path();
    if (path == null) {
      throw BlockTableDevice.unsupported(file, "needs other files beside it, and is no file");
    }
    boolean flat = subformat.endsWith("Flat");
    boolean one = subformat.equals("monolithicFlat");
    long most = one ? Math.max(1, capacity) : PIECE_SECTORS;
    List<String> lines = new ArrayList<>();
    long at = 0;
    do {
      long sectors = Math.min(most, capacity - at);
      String name =
          base
              + (one ? "-flat" : String.format("-%s%03d", flat ? "f" : "s", lines.size() + 1))
              + ".vmdk";
      Path piece = path.resolveSibling(name);
      try (HostFile part = HostFile.create(piece)) {
        file.madeBeside(piece);
        if (flat) {
          part.setSize(sectors * SECTOR);
        } else {
          sparse(part, sectors, false);
        }
      }
      lines.add(
          "RW " + sectors + (flat ? " FLAT \"" : " SPARSE \"") + name + (flat ? "\" 0" : "\""));
      at += sectors;
    } while (at < capacity);
    return lines;
  }

  /** The header, the grain directory and its empty tables, twice unless it is a stream. */
  private void sparse(Storage to, long sectors, boolean stream) throws IOException {
    long tables = Math.ceilDiv(Math.ceilDiv(sectors, GRAIN_SECTORS), TABLE_ENTRIES);
    if (tables > 1 << 20) {
      throw OptionReader.impossible(to.name(), "cannot hold so large a disk as VMDK");
    }
    long tableSectors = TABLE_ENTRIES * 4 / SECTOR;
    long directorySectors = Math.ceilDiv(tables * 4, SECTOR);
    long each = directorySectors + tables * tableSectors;
    long first = 1 + DESCRIPTOR_SECTORS;
    long directory = stream ? first : first + each;
    long overhead = Math.ceilDiv(directory + each, GRAIN_SECTORS) * GRAIN_SECTORS;
    int flags = 1 | (stream ? 0 : SparseExtent.FLAG_SPARE);
    flags |= zeroed ? SparseExtent.FLAG_ZERO_GRAINS : 0;
    flags |= stream ? SparseExtent.FLAG_COMPRESSED | FLAG_MARKERS : 0;
    ByteBuffer h = ByteBuffer.allocate(SECTOR).order(ByteOrder.LITTLE_ENDIAN);
    h.putInt(SparseExtent.MAGIC).putInt(stream ? 3 : zeroed ? 2 : 1).putInt(flags);
    h.putLong(sectors).putLong(GRAIN_SECTORS).putLong(1).putLong(DESCRIPTOR_SECTORS);
    h.putInt(TABLE_ENTRIES).putLong(stream ? 0 : first).putLong(directory).putLong(overhead);
    // Line ends that a transfer as text would change.
    h.put((byte) 0).put("\n \r\n".getBytes(StandardCharsets.US_ASCII));
    h.putShort((short) (stream ? 1 : 0));
    to.setSize(overhead * SECTOR);
    to.write(0, h.clear());
    for (long start : stream ? new long[] {directory} : new long[] {first, directory}) {
      ByteBuffer d =
          ByteBuffer.allocate((int) directorySectors * SECTOR).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < tables; i++) {
        d.putInt((int) (start + directorySectors + i * tableSectors));
      }
      to.write(start * SECTOR, d.clear());
    }
  }

  /** The content number of the image below, which ties this one to it. */
  private String parentNumber(String name) throws IOException {
    Path path = file.path();
    if (path == null) {
      throw BlockTableDevice.unsupported(file, "names another file, and is no file itself");
    }
    Path parent = path.toAbsolutePath().resolveSibling(name);
    try (HostFile below = HostFile.open(parent, false, HostFile.Locking.NO)) {
      ByteBuffer head = ByteBuffer.allocate((int) Math.min(2048, below.size()));
      below.read(0, head);
      VmdkFormat vmdk = new VmdkFormat();
      if (!vmdk.probe(head.flip())) {
        throw new ImageException(
            Kind.INVALID_REQUEST,
            parent,
            "is no VMDK, so no VMDK can lie over it",
            "convert it, or choose qcow2");
      }
      return String.format("%08x", VmdkFormat.descriptor(below).number("CID"));
    }
  }

  private String description(String extents) throws IOException {
    long heads = adapter.equals("ide") ? 16 : 255;
    String parent = backing == null ? "ffffffff" : parentNumber(backing);
    List<String> lines = new ArrayList<>();
    lines.add(VmdkFormat.HEAD);
    lines.add("version=1");
    int number = ThreadLocalRandom.current().nextInt(1 << 24, 1 << 30);
    lines.add(String.format("CID=%08x", number));
    lines.add("parentCID=" + parent);
    lines.add("createType=\"" + subformat + "\"");
    if (backing != null) {
      lines.add("parentFileNameHint=\"" + backing + "\"");
    }
    lines.add("");
    lines.add("# Extent description");
    lines.add(extents);
    lines.add("");
    lines.add("# The Disk Data Base");
    lines.add("#DDB");
    lines.add("");
    lines.add("ddb.virtualHWVersion = \"" + hardware + "\"");
    lines.add("ddb.geometry.cylinders = \"" + capacity / (63 * heads) + "\"");
    lines.add("ddb.geometry.heads = \"" + heads + "\"");
    lines.add("ddb.geometry.sectors = \"63\"");
    lines.add("ddb.adapterType = \"" + adapter + "\"");
    lines.add("ddb.toolsVersion = \"" + tools + "\"");
    lines.add("");
    String text = String.join("\n", lines);
    if (text.length() > DESCRIPTOR_SECTORS * SECTOR) {
      throw OptionReader.impossible(file.name(), "cannot have so long a backing file name");
    }
    return text;
  }
}
