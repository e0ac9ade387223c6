package io.satchel.vm.api;

import io.satchel.image.block.BlockDevice;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a machine is made of. Plain data; media are opened by the caller and closed by the machine.
 *
 * @param memoryMib RAM in MiB, 1 to 2047
 * @param cpuModel a name that {@code CpuModel} knows, such as {@code pentium3}
 * @param drives what is in which drive; a drive that is not named is absent, except that floppy A
 *     and the CD drive exist empty
 * @param bootOrder tried in turn
 * @param bootMenu asks at power-on instead
 * @param bios a firmware image to run instead of Satchel's own
 * @param vgaBios the option ROM that goes with it
 * @param kernel boots this instead of a drive
 * @param clock what virtual time follows
 * @param date the RTC's date and time at power-on; {@code null} for the host's
 * @param exitPort whether a write to port F4h ends the run
 * @param processors 1 to 8
 * @param flash firmware in flash memory instead, such as OVMF
 * @param speed what the processors are held to
 */
public record MachineConfig(
    int memoryMib,
    String cpuModel,
    List<Drive> drives,
    List<BootDevice> bootOrder,
    boolean bootMenu,
    @Nullable Path bios,
    @Nullable Path vgaBios,
    @Nullable Kernel kernel,
    Clock clock,
    @Nullable LocalDateTime date,
    boolean exitPort,
    int processors,
    @Nullable Flash flash,
    Speed speed) {

  /** The most processors that a machine has. */
  public static final int MOST_PROCESSORS = 8;

  public MachineConfig {
    if (processors < 1 || processors > MOST_PROCESSORS) {
      throw new IllegalArgumentException("no machine with " + processors + " processors");
    }
    drives = List.copyOf(drives);
    bootOrder = List.copyOf(bootOrder);
  }

  /** A usual machine without a disk, to be changed by the {@code with} methods. */
  public static MachineConfig standard() {
    return new MachineConfig(
        256,
        "pentium3",
        List.of(),
        List.of(BootDevice.FLOPPY, BootDevice.CD, BootDevice.HARD_DISK),
        false,
        null,
        null,
        null,
        Clock.HOST,
        null,
        false,
        1,
        null,
        Speed.FULL);
  }

  public MachineConfig withMemoryMib(int mib) {
    return with(draft -> draft.memoryMib = mib);
  }

  public MachineConfig withCpuModel(String model) {
    return with(draft -> draft.cpuModel = model);
  }

  public MachineConfig withDrives(List<Drive> newDrives) {
    return with(draft -> draft.drives = newDrives);
  }

  public MachineConfig withBootOrder(List<BootDevice> order) {
    return with(draft -> draft.bootOrder = order);
  }

  public MachineConfig withBootMenu(boolean menu) {
    return with(draft -> draft.bootMenu = menu);
  }

  public MachineConfig withBios(@Nullable Path firmware, @Nullable Path videoFirmware) {
    return with(
        draft -> {
          draft.bios = firmware;
          draft.vgaBios = videoFirmware;
        });
  }

  public MachineConfig withKernel(@Nullable Kernel newKernel) {
    return with(draft -> draft.kernel = newKernel);
  }

  public MachineConfig withClock(Clock newClock) {
    return with(draft -> draft.clock = newClock);
  }

  public MachineConfig withDate(@Nullable LocalDateTime newDate) {
    return with(draft -> draft.date = newDate);
  }

  public MachineConfig withExitPort(boolean port) {
    return with(draft -> draft.exitPort = port);
  }

  public MachineConfig withProcessors(int count) {
    return with(draft -> draft.processors = count);
  }

  public MachineConfig withFlash(@Nullable Flash newFlash) {
    return with(draft -> draft.flash = newFlash);
  }

  public MachineConfig withSpeed(Speed newSpeed) {
    return with(draft -> draft.speed = newSpeed);
  }

  private MachineConfig with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.config();
  }

  /** The components, to be changed one by one. */
  private static final class Draft {
    private int memoryMib;
    private String cpuModel;
    private List<Drive> drives;
    private List<BootDevice> bootOrder;
    private boolean bootMenu;
    private @Nullable Path bios;
    private @Nullable Path vgaBios;
    private @Nullable Kernel kernel;
    private Clock clock;
    private @Nullable LocalDateTime date;
    private boolean exitPort;
    private int processors;
    private @Nullable Flash flash;
    private Speed speed;

    Draft(MachineConfig from) {
      memoryMib = from.memoryMib;
      cpuModel = from.cpuModel;
      drives = from.drives;
      bootOrder = from.bootOrder;
      bootMenu = from.bootMenu;
      bios = from.bios;
      vgaBios = from.vgaBios;
      kernel = from.kernel;
      clock = from.clock;
      date = from.date;
      exitPort = from.exitPort;
      processors = from.processors;
      flash = from.flash;
      speed = from.speed;
    }

    MachineConfig config() {
      return new MachineConfig(
          memoryMib,
          cpuModel,
          drives,
          bootOrder,
          bootMenu,
          bios,
          vgaBios,
          kernel,
          clock,
          date,
          exitPort,
          processors,
          flash,
          speed);
    }
  }

  /**
   * A drive and what is in it.
   *
   * @param unit hard disks and CDs: 0 to 3 for IDE primary master, primary slave, secondary master,
   *     secondary slave; floppies: 0 (A) or 1 (B)
   * @param media {@code null} for an empty CD or floppy drive
   */
  public record Drive(
      DriveKind kind, int unit, @Nullable BlockDevice media, @Nullable String serial) {

    public Drive {
      if (serial != null && !serialFits(serial)) {
        throw new IllegalArgumentException("no serial number \"" + serial + "\"");
      }
    }

    /** One with the serial number that the machine gives it. */
    public Drive(DriveKind kind, int unit, @Nullable BlockDevice media) {
      this(kind, unit, media, null);
    }

    /** Whether a drive can say that serial number: 1 to 20 characters of ASCII. */
    public static boolean serialFits(String serial) {
      return serial.matches("[ -~]{1,20}");
    }
  }

  /** The kinds of drive. */
  public enum DriveKind {
    HARD_DISK,
    CD,
    FLOPPY
  }

  /** What firmware can start from. */
  public enum BootDevice {
    FLOPPY,
    CD,
    HARD_DISK
  }

  /**
   * Firmware in flash memory below 4 GiB.
   *
   * @param code the firmware; the computer cannot write it
   * @param variables what lies below it and is written to; {@code null} for none
   */
  public record Flash(Path code, @Nullable BlockDevice variables) {}

  /** What virtual time follows. */
  public enum Clock {
    /** The host's monotonic clock. */
    HOST,
    /**
     * The count of executed instructions: a run is repeatable. RDRAND repeats itself too, so keys
     * that the computer makes are worth nothing.
     */
    INSTRUCTIONS
  }

  /**
   * What a machine is held to, for programs that go by the speed of their own time's processors. It
   * is a count of instructions in a second of virtual time, all processors together: each takes
   * equally long, whichever it is, and so does each turn of a repeated string instruction. Drives
   * and the display adapter are as fast as ever.
   */
  public enum Speed {
    /** As fast as the host can. */
    FULL(0),
    /** 100 million a second: about a Pentium of 100 MHz. */
    PENTIUM(10),
    /** 25 million a second: about a 486 of 50 MHz. */
    I486(40),
    /** 8 million a second: about a 386 of 33 MHz. */
    I386(125);

    private final int nanosPerInstruction;

    Speed(int nanosPerInstruction) {
      this.nanosPerInstruction = nanosPerInstruction;
    }

    /** Nanoseconds of virtual time that an instruction takes; 0 when it takes what it takes. */
    public int nanosPerInstruction() {
      return nanosPerInstruction;
    }
  }

  /**
   * A multiboot ELF or a Linux bzImage that is started directly.
   *
   * @param commandLine what it is told
   */
  public record Kernel(Path image, String commandLine, @Nullable Path initrd) {}
}
