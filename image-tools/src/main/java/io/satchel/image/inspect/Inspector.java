package io.satchel.image.inspect;

import io.satchel.image.OpenedImage;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.fs.FileSystem;
import io.satchel.image.fs.LvmVolume;
import io.satchel.image.fs.Volume;
import io.satchel.image.partition.PartitionTable;
import io.satchel.image.partition.PartitionTable.Partition;
import io.satchel.image.partition.PartitionTable.Scheme;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Looks into an image: partitions, file systems, the operating system, and how it starts. */
public final class Inspector {
  private static final String EFI_SYSTEM = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";

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
  public record FoundVolume(
      int partition, String kind, String label, long size, long used, @Nullable String problem) {}

  /**
   * What was found.
   *
   * @param optical the image is that of a CD or DVD
   * @param systems the operating systems on it, or the one that a disc installs
   */
  public record Findings(
      String format,
      long size,
      Scheme scheme,
      Firmware firmware,
      boolean optical,
      List<FoundVolume> fileSystems,
      List<OperatingSystem> systems) {

    /** The preset of the machine that fits, or null when nothing says so. */
    public @Nullable String preset() {
      return systems.isEmpty() ? null : systems.getFirst().preset();
    }

    /** One sentence for a person. */
    public String sentence() {
      String starts =
          switch (firmware) {
            case BIOS -> "starts from BIOS";
            case UEFI -> "starts from UEFI";
            case BOTH -> "starts from BIOS and UEFI";
            case NONE -> "nothing starts from it";
          };
      StringBuilder text = new StringBuilder();
      if (optical) {
        if (!systems.isEmpty()) {
          text.append("Installer of ").append(named(systems.getFirst())).append(", on ");
        }
        text.append(text.isEmpty() ? "A CD or DVD" : "a CD or DVD");
        if (!fileSystems.isEmpty() && !fileSystems.getFirst().label().isEmpty()) {
          text.append(" named ").append(fileSystems.getFirst().label());
        }
        return text.append(", ").append(starts).toString();
      }
      for (OperatingSystem each : systems) {
        text.append(text.isEmpty() ? "" : "; ").append(named(each));
        for (FoundVolume volume : fileSystems) {
          if (volume.partition() == each.partition()) {
            text.append(", on ").append(described(volume));
          }
        }
      }
      for (FoundVolume each : fileSystems) {
        boolean told = systems.stream().anyMatch(s -> s.partition() == each.partition());
        if (!told && systems.isEmpty()) {
          text.append(text.isEmpty() ? "" : "; ").append(described(each));
        }
      }
      if (text.isEmpty()) {
        text.append("No file system that is known");
      }
      return text.append(", ").append(starts).toString();
    }

    private static String named(OperatingSystem system) {
      return system.name() + (system.architecture() == null ? "" : ", " + system.architecture());
    }

    private static String described(FoundVolume volume) {
      return volume.kind()
          + (volume.label().isEmpty() ? "" : " named " + volume.label())
          + (volume.used() < 0 ? "" : ", " + use(volume.used(), volume.size()))
          + (volume.problem() == null ? "" : ", which " + volume.problem());
    }

    /** "3.1 of 10 GB used": in the unit of the whole. */
    private static String use(long used, long size) {
      boolean large = size >= 1_000_000_000;
      double unit = large ? 1e9 : 1e6;
      return number(used / unit) + " of " + number(size / unit) + (large ? " GB" : " MB") + " used";
    }

    private static String number(double value) {
      return String.format(Locale.ROOT, "%.1f", value).replaceFirst("\\.0$", "");
    }
  }

  /** Looks into an open image. */
  public static Findings inspect(OpenedImage image) throws IOException {
    BlockDevice disk = image.device();
    FileSystem disc = FileSystem.at(disk, 0, disk.size());
    if (disc != null && disc.kind().equals("ISO 9660")) {
      OperatingSystem installer = Disc.installer(disc);
      return new Findings(
          image.format(),
          disk.size(),
          Scheme.NONE,
          Disc.firmware(disk),
          true,
          List.of(new FoundVolume(0, disc.kind(), disc.label(), disk.size(), -1, null)),
          installer == null ? List.of() : List.of(installer));
    }
    PartitionTable table = PartitionTable.read(disk);
    List<Partition> places = new ArrayList<>(table.partitions());
    if (places.isEmpty()) {
      places.add(new Partition(0, 0, disk.size(), "", "", table.bootCode()));
    }
    List<FoundVolume> volumes = new ArrayList<>();
    List<OperatingSystem> systems = new ArrayList<>();
    boolean efi = false;
    for (Partition place : places) {
      efi |= place.type().equals(EFI_SYSTEM) || place.type().equals("ef");
      look(disk, place, volumes, systems);
    }
    boolean bios =
        table.bootCode()
            && (table.scheme() != Scheme.MBR || places.stream().anyMatch(Partition::active));
    Firmware firmware =
        bios ? efi ? Firmware.BOTH : Firmware.BIOS : efi ? Firmware.UEFI : Firmware.NONE;
    return new Findings(
        image.format(), disk.size(), table.scheme(), firmware, false, volumes, systems);
  }

  private static void look(
      BlockDevice disk, Partition place, List<FoundVolume> volumes, List<OperatingSystem> systems)
      throws IOException {
    Volume volume = Volume.at(disk, place.start(), place.length());
    if (volume == null) {
      BootRecordFinder.Found other = BootRecordFinder.find(disk, place);
      if (other != null) {
        volumes.add(
            new FoundVolume(place.number(), other.kind(), other.label(), place.length(), -1, null));
        systems.add(other.system());
      }
      return;
    }
    add(disk, place.start(), place.length(), place.number(), "", volume, volumes, systems);
    if (volume instanceof LvmVolume group) {
      for (LvmVolume.Logical logical : group.logical()) {
        Volume inside = Volume.at(logical, 0, logical.size());
        if (inside != null) {
          String name = " in " + logical.name();
          add(logical, 0, logical.size(), place.number(), name, inside, volumes, systems);
        }
      }
    }
  }

  /** Notes a volume and the system on it; {@code name} says in what it lies. */
  private static void add(
      BlockDevice disk,
      long start,
      long length,
      int partition,
      String name,
      Volume volume,
      List<FoundVolume> volumes,
      List<OperatingSystem> systems)
      throws IOException {
    long used = -1;
    String problem = volume.unsafe();
    try {
      used = volume.counts() ? volume.size() - volume.free() : -1;
      FileSystem files = FileSystem.at(disk, start, length);
      OperatingSystem system = files == null ? null : system(files, partition);
      if (system != null) {
        systems.add(system);
      }
    } catch (ImageException e) {
      // What cannot be read is worth a word, not the end: the rest may be sound.
      problem = problem == null ? e.problem() : problem;
    }
    volumes.add(
        new FoundVolume(
            partition,
            volume.kind(),
            (volume.label() + name).strip(),
            volume.size(),
            used,
            problem));
  }

  private static @Nullable OperatingSystem system(FileSystem files, int partition)
      throws IOException {
    OperatingSystem found = WindowsFinder.find(files, partition);
    found = found == null ? LinuxFinder.find(files, partition) : found;
    return found == null ? DosFinder.find(files, partition) : found;
  }
}
