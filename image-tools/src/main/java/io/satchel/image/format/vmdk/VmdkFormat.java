package io.satchel.image.format.vmdk;

import io.satchel.image.block.ImageException;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.Storage;
import io.satchel.image.format.BlockTableDevice;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.LayeredDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * VMware's VMDK (VMware Virtual Disk Format 1.1): one sparse file with its descriptor inside, or a
 * descriptor that names sparse or flat files in its own folder, or a compressed stream.
 */
public final class VmdkFormat implements ImageFormat {
  static final String HEAD = "# Disk DescriptorFile";
  private static final int SECTOR = 512;
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
      return new VmdkDevice(
          List.of(new VmdkDevice.Piece(0, file.name(), extent)), inside(file, extent), false);
    }
    return openDescribed(file, alone(file));
  }

  private static DescriptorText inside(Storage file, SparseExtent extent) throws IOException {
    return DescriptorText.read(
        file, extent.descriptorSector * (long) SECTOR, extent.descriptorSectors * SECTOR);
  }

  private static DescriptorText alone(Storage file) throws IOException {
    if (file.size() > Descriptor.MAX_BYTES) {
      throw BlockTableDevice.corrupt(file, "is no VMDK and too long to describe one", 0);
    }
    return DescriptorText.read(file, 0, (int) file.size());
  }

  /** The text that describes the disk, wherever it is. */
  static Descriptor descriptor(Storage file) throws IOException {
    ByteBuffer magic = ByteBuffer.allocate(4);
    file.read(0, magic);
    if (SparseExtent.probe(magic.flip())) {
      return inside(file, SparseExtent.open(file)).descriptor();
    }
    return alone(file).descriptor();
  }

  private static LayeredDevice openDescribed(Storage file, DescriptorText text) throws IOException {
    Descriptor descriptor = text.descriptor();
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
    return new VmdkDevice(pieces, text, true);
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
    HostFile.Locking locking =
        file instanceof HostFile host ? host.locking() : HostFile.Locking.YES;
    HostFile part = HostFile.open(part(file, name), !file.readOnly(), locking);
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
      return new VmdkDevice.Piece(start, shown(file, name), device);
    } finally {
      if (!done) {
        part.close();
      }
    }
  }

  /** The name of such a file, from where the user stands. */
  private static String shown(Storage file, String name) {
    Path host = file.path();
    return host == null ? name : host.resolveSibling(name).toString();
  }

  /** A file that a descriptor names: in its own folder, or none (CVE-2015-5163 and its like). */
  private static Path part(Storage file, String name) throws IOException {
    Path host = file.path();
    if (host == null) {
      throw BlockTableDevice.unsupported(file, "names other files, and this is no file itself");
    }
    Path path = host.toAbsolutePath().resolveSibling(name).normalize();
    if (!Files.exists(path)) {
      throw new ImageException(
          ImageException.Kind.BACKING_MISSING,
          file.name(),
          "keeps its data in " + path + ", which does not exist",
          "put that file there");
    }
    Path folder = host.toRealPath().getParent();
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
    all.put("backing_file", "File name of a base image");
    all.put("backing_fmt", "Must be 'vmdk' if present");
    all.put("compat6", "VMDK version 6 image");
    all.put(
        "subformat",
        "VMDK flat extent format, can be one of {monolithicSparse (default) | monolithicFlat |"
            + " twoGbMaxExtentSparse | twoGbMaxExtentFlat | streamOptimized}");
    all.put("toolsversion", "VMware guest tools version");
    all.put("zeroed_grain", "Enable efficient zero writes using the zeroed-grain GTE feature");
    all.put("hwversion", "VMDK hardware version");
    return all;
  }

  @Override
  public void create(Storage file, long size, Map<String, String> options) throws IOException {
    new VmdkCreator(file, size, options).create();
  }
}
