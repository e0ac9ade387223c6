package io.satchel.app.library;

import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.vm.api.MachineConfig;
import io.satchel.vm.api.MachineConfig.BootDevice;
import io.satchel.vm.api.MachineConfig.Speed;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A machine as it is kept: {@code machine.json} in a folder of its own. File names are relative to
 * that folder where the file moves with it, else absolute; always with forward slashes.
 *
 * @param version of this form
 * @param name what the person calls it
 * @param preset the id of the preset that it was made from, or null
 * @param memoryMib RAM in MiB
 * @param processor a name that the engine knows, such as {@code pentium3}
 * @param processors how many; 1 to 8
 * @param disks its hard disks
 * @param cd the image in the CD drive, or null
 * @param floppyA the image in the first floppy drive, or null
 * @param floppyB the image in the second one, which exists only then
 * @param bootOrder tried in turn
 * @param bootOnce what the next start alone tries first
 * @param bootMenu asks at power-on
 * @param rewind whether its last minutes can be gone back to while it runs
 * @param speed what its processors are held to
 * @param date what its clock says at power-on; null for today
 * @param notes the person's own words
 * @param created when it was made
 * @param lastUsed when it last ran, or null
 */
public record MachineFile(
    int version,
    String name,
    @Nullable String preset,
    int memoryMib,
    String processor,
    int processors,
    List<Disk> disks,
    @Nullable String cd,
    @Nullable String floppyA,
    @Nullable String floppyB,
    List<BootDevice> bootOrder,
    @Nullable BootDevice bootOnce,
    boolean bootMenu,
    boolean rewind,
    Speed speed,
    @Nullable LocalDateTime date,
    String notes,
    @Nullable Instant created,
    @Nullable Instant lastUsed) {

  /** The newest form of the file that this program knows. */
  public static final int VERSION = 1;

  /** What the engine's board has room for. */
  public static final int MAX_MEMORY_MIB = 1984;

  /** The IDE channel's place that the CD drive has: secondary master. */
  public static final int CD_UNIT = 2;

  private static final int UNITS = 4;

  /**
   * A hard disk.
   *
   * @param file the image at the bottom, as it was picked or made
   * @param layers overlays that lie over it and keep what was written, the lowest first; while
   *     there is one, {@code file} is never written
   * @param unit 0 to 3: IDE primary master, primary slave, secondary master, secondary slave
   * @param readOnly the guest may not write
   * @param throwAway what the guest writes is gone when the machine is switched off
   * @param cache what a flush of the guest's waits for
   * @param serial what the drive says that its serial number is; null for Satchel's own
   */
  public record Disk(
      String file,
      List<String> layers,
      int unit,
      boolean readOnly,
      boolean throwAway,
      CacheMode cache,
      @Nullable String serial) {

    public Disk {
      file = orElse(file, "");
      layers = List.copyOf(orElse(layers, List.of()));
      cache = orElse(cache, CacheMode.WRITEBACK);
    }

    /** A disk of the usual kind. */
    public static Disk of(String file, int unit) {
      return new Disk(file, List.of(), unit, false, false, CacheMode.WRITEBACK, null);
    }

    public Disk withFile(String other) {
      return new Disk(other, layers, unit, readOnly, throwAway, cache, serial);
    }

    public Disk withLayers(List<String> other) {
      return new Disk(file, other, unit, readOnly, throwAway, cache, serial);
    }

    /** The file that is on top: the last layer, or the image itself. */
    public String top() {
      return layers.isEmpty() ? file : layers.getLast();
    }
  }

  public MachineFile {
    name = orElse(name, "");
    processor = orElse(processor, "pentium3");
    // A file of before there could be several has none.
    processors = Math.max(1, processors);
    disks = List.copyOf(orElse(disks, List.of()));
    bootOrder =
        List.copyOf(
            orElse(bootOrder, List.of(BootDevice.FLOPPY, BootDevice.CD, BootDevice.HARD_DISK)));
    speed = orElse(speed, Speed.FULL);
    notes = orElse(notes, "");
  }

  /** A file that a person has edited may leave a field out. */
  private static <T> T orElse(@Nullable T given, T otherwise) {
    return given == null ? otherwise : given;
  }

  /** A machine without a disk. */
  public static MachineFile named(String name, int memoryMib, String processor) {
    return new MachineFile(
        VERSION,
        name,
        null,
        memoryMib,
        processor,
        1,
        List.of(),
        null,
        null,
        null,
        List.of(BootDevice.HARD_DISK, BootDevice.CD, BootDevice.FLOPPY),
        null,
        false,
        false,
        Speed.FULL,
        null,
        "",
        null,
        null);
  }

  /**
   * What cannot be right in it, as texts' keys with their arguments; empty when nothing. Whether
   * its files are there is another question.
   */
  public List<Mistake> mistakes() {
    List<Mistake> found = new ArrayList<>();
    if (name.isBlank()) {
      found.add(new Mistake("repair.noName"));
    }
    if (memoryMib < 1 || memoryMib > MAX_MEMORY_MIB) {
      found.add(new Mistake("repair.memory", memoryMib, MAX_MEMORY_MIB));
    }
    if (processors > MachineConfig.MOST_PROCESSORS) {
      found.add(new Mistake("repair.processors", processors, MachineConfig.MOST_PROCESSORS));
    }
    Set<Integer> units = new HashSet<>();
    for (Disk disk : disks) {
      if (disk.file.isBlank()) {
        found.add(new Mistake("repair.noFile"));
      }
      if (disk.serial != null && !MachineConfig.Drive.serialFits(disk.serial)) {
        found.add(new Mistake("repair.serial", disk.serial));
      }
      if (disk.unit < 0 || disk.unit >= UNITS || disk.unit == CD_UNIT || !units.add(disk.unit)) {
        found.add(new Mistake("repair.unit", disk.file, disk.unit));
      }
    }
    return found;
  }

  /** Something that cannot be right. */
  public record Mistake(String key, Object... arguments) {}

  /** A place on an IDE channel that no disk has yet, or -1. */
  public int freeUnit() {
    for (int unit = 0; unit < UNITS; unit++) {
      int place = unit;
      if (unit != CD_UNIT && disks.stream().noneMatch(disk -> disk.unit == place)) {
        return unit;
      }
    }
    return -1;
  }

  public MachineFile withName(String other) {
    return with(copy -> copy.name = other);
  }

  public MachineFile withPreset(@Nullable String id) {
    return with(copy -> copy.preset = id);
  }

  public MachineFile withHardware(int memory, String model) {
    return with(
        copy -> {
          copy.memoryMib = memory;
          copy.processor = model;
        });
  }

  public MachineFile withProcessors(int count) {
    return with(copy -> copy.processors = count);
  }

  public MachineFile withDisks(List<Disk> others) {
    return with(copy -> copy.disks = others);
  }

  public MachineFile withMedia(
      @Nullable String disc, @Nullable String first, @Nullable String second) {
    return with(
        copy -> {
          copy.cd = disc;
          copy.floppyA = first;
          copy.floppyB = second;
        });
  }

  public MachineFile withBoot(List<BootDevice> order, @Nullable BootDevice once, boolean menu) {
    return with(
        copy -> {
          copy.bootOrder = order;
          copy.bootOnce = once;
          copy.bootMenu = menu;
        });
  }

  public MachineFile withDate(@Nullable LocalDateTime powerOn) {
    return with(copy -> copy.date = powerOn);
  }

  public MachineFile withRewind(boolean on) {
    return with(copy -> copy.rewind = on);
  }

  public MachineFile withSpeed(Speed newSpeed) {
    return with(copy -> copy.speed = newSpeed);
  }

  public MachineFile withNotes(String words) {
    return with(copy -> copy.notes = words);
  }

  public MachineFile withTimes(@Nullable Instant made, @Nullable Instant used) {
    return with(
        copy -> {
          copy.created = made;
          copy.lastUsed = used;
        });
  }

  private MachineFile with(Consumer<Copy> change) {
    Copy copy = new Copy(this);
    change.accept(copy);
    return copy.made(version);
  }

  /** The same values, to be changed before a machine is made of them again. */
  private static final class Copy {
    String name;
    @Nullable String preset;
    int memoryMib;
    String processor;
    int processors;
    List<Disk> disks;
    @Nullable String cd;
    @Nullable String floppyA;
    @Nullable String floppyB;
    List<BootDevice> bootOrder;
    @Nullable BootDevice bootOnce;
    boolean bootMenu;
    boolean rewind;
    Speed speed;
    @Nullable LocalDateTime date;
    String notes;
    @Nullable Instant created;
    @Nullable Instant lastUsed;

    Copy(MachineFile of) {
      name = of.name;
      preset = of.preset;
      memoryMib = of.memoryMib;
      processor = of.processor;
      processors = of.processors;
      disks = of.disks;
      cd = of.cd;
      floppyA = of.floppyA;
      floppyB = of.floppyB;
      bootOrder = of.bootOrder;
      bootOnce = of.bootOnce;
      bootMenu = of.bootMenu;
      rewind = of.rewind;
      speed = of.speed;
      date = of.date;
      notes = of.notes;
      created = of.created;
      lastUsed = of.lastUsed;
    }

    MachineFile made(int version) {
      return new MachineFile(
          version,
          name,
          preset,
          memoryMib,
          processor,
          processors,
          disks,
          cd,
          floppyA,
          floppyB,
          bootOrder,
          bootOnce,
          bootMenu,
          rewind,
          speed,
          date,
          notes,
          created,
          lastUsed);
    }
  }
}
