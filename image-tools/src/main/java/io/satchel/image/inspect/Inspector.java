package io.satchel.image.inspect;

import io.satchel.image.OpenedImage;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.fs.Volume;
import io.satchel.image.partition.PartitionTable;
import io.satchel.image.partition.PartitionTable.Partition;
import io.satchel.image.partition.PartitionTable.Scheme;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Looks into an image: partitions, file systems, and how it starts. */
public final class Inspector {
  private static final String EFI_SYSTEM = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
  private static final int ISO_DESCRIPTORS = 16 * 2048;

  private Inspector() {}

  /** How the machine starts from the image. */
  public enum Firmware {
    BIOS,
    UEFI,
    BOTH,
    NONE
  }

  /**
   * A file system.
   *
   * @param used the bytes in use, or -1 when that is not known
   * @param problem what is wrong with it, or null
   */
  public record FileSystem(
      int partition, String kind, String label, long size, long used, @Nullable String problem) {}

  /** What was found. */
  public record Findings(
      String format,
      long size,
      Scheme scheme,
      Firmware firmware,
      boolean optical,
      List<FileSystem> fileSystems) {
    /** One sentence for a person. */
    public String sentence() {
      if (optical) {
        return "A CD or DVD"
            + (fileSystems.isEmpty() ? "" : " named " + fileSystems.getFirst().label())
            + (firmware == Firmware.NONE ? ", nothing starts from it" : ", it can be started from");
      }
      StringBuilder text = new StringBuilder();
      for (FileSystem each : fileSystems) {
        text.append(text.isEmpty() ? "" : "; ").append(each.kind());
        text.append(each.label().isEmpty() ? "" : " named " + each.label());
        if (each.used() >= 0) {
          text.append(
              String.format(
                  Locale.ROOT, ", %.1f of %.1f GB used", each.used() / 1e9, each.size() / 1e9));
        }
        text.append(each.problem() == null ? "" : ", " + each.problem());
      }
      if (text.isEmpty()) {
        text.append("No file system that is known");
      }
      text.append(
          switch (firmware) {
            case BIOS -> "; starts from BIOS";
            case UEFI -> "; starts from UEFI";
            case BOTH -> "; starts from BIOS and UEFI";
            case NONE -> "; nothing starts from it";
          });
      return text.toString();
    }
  }

  /** Looks into an open image. */
  public static Findings inspect(OpenedImage image) throws IOException {
    BlockDevice disk = image.device();
    Findings optical = optical(image);
    if (optical != null) {
      return optical;
    }
    PartitionTable table = PartitionTable.read(disk);
    List<Partition> places = new ArrayList<>(table.partitions());
    if (places.isEmpty()) {
      places.add(new Partition(1, 0, disk.size(), "", "", table.bootCode()));
    }
    List<FileSystem> all = new ArrayList<>();
    boolean efi = false;
    for (Partition place : places) {
      efi |= place.type().equals(EFI_SYSTEM) || place.type().equals("ef");
      Volume volume = Volume.at(disk, place.start(), place.length());
      if (volume != null) {
        boolean counted = !volume.kind().equals("swap");
        all.add(
            new FileSystem(
                place.number(),
                volume.kind(),
                volume.label(),
                volume.size(),
                counted ? volume.size() - volume.free() : -1,
                volume.unsafe()));
      }
    }
    boolean bios =
        table.bootCode()
            && (table.scheme() != Scheme.MBR || places.stream().anyMatch(Partition::active));
    Firmware firmware =
        bios ? efi ? Firmware.BOTH : Firmware.BIOS : efi ? Firmware.UEFI : Firmware.NONE;
    return new Findings(image.format(), disk.size(), table.scheme(), firmware, false, all);
  }

  private static @Nullable Findings optical(OpenedImage image) throws IOException {
    BlockDevice disk = image.device();
    String label = null;
    boolean boots = false;
    for (int i = 0; i < 32 && ISO_DESCRIPTORS + (i + 1) * 2048L <= disk.size(); i++) {
      ByteBuffer d = Volume.read(disk, ISO_DESCRIPTORS + i * 2048L, 2048);
      byte[] id = new byte[5];
      d.get(1, id);
      if (!new String(id, StandardCharsets.ISO_8859_1).equals("CD001")) {
        break;
      }
      int type = d.get(0) & 0xff;
      if (type == 1) {
        byte[] name = new byte[32];
        d.get(40, name);
        label = new String(name, StandardCharsets.ISO_8859_1).strip();
      } else if (type == 0) {
        byte[] system = new byte[23];
        d.get(7, system);
        boots = new String(system, StandardCharsets.ISO_8859_1).equals("EL TORITO SPECIFICATION");
      } else if (type == 255) {
        break;
      }
    }
    if (label == null) {
      return null;
    }
    List<FileSystem> volume = List.of(new FileSystem(1, "ISO 9660", label, disk.size(), -1, null));
    Firmware firmware = boots ? Firmware.BIOS : Firmware.NONE;
    return new Findings(image.format(), disk.size(), Scheme.NONE, firmware, true, volume);
  }
}
