package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.bus.IsaDma;
import io.satchel.vm.host.DiskBackend;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The floppy disk controller (Intel 82077AA data sheet, 290166) in AT mode, with its drives.
 *
 * <pre>
 * 3F2h rw DOR    bits 0-1 drive, 2 not reset, 3 interrupt and DMA enable, 4-7 motors
 * 3F3h rw TDR    bits 0-1 tape drive (storage)
 * 3F4h r  MSR    bits 0-3 drive seeking, 4 command busy, 5 non-DMA execution, 6 to the host, 7 RQM
 *      w  DSR    bits 0-1 data rate, 2-4 precompensation, 6 power down, 7 reset (clears itself)
 * 3F5h rw FIFO   command, data and result bytes
 * 3F7h r  DIR    bit 7 disk change
 *      w  CCR    bits 0-1 data rate: 500, 300, 250, 1000 kbit/s
 *
 * ST0  7-6 how it ended (normal, abnormal, invalid, polling), 5 seek end, 4 equipment check, 2 head
 * ST1  7 end of cylinder, 5 data error, 4 overrun, 2 no data, 1 not writable, 0 missing mark
 * ST2  6 control mark, 5 data error in data, 4 wrong cylinder, 1 bad cylinder
 * ST3  6 write protected, 5 one, 4 track 0, 3 one, 2 head
 * </pre>
 *
 * <p>The medium has sectors of 512 bytes, in MFM. Data move sector by sector, faster than on a real
 * drive, yet never within the access that starts a command. A command to a drive without a medium,
 * which the real controller never ends because no index hole comes by, ends with a missing mark.
 * The SCAN commands are not there, nor are they used by any system known; they end as invalid.
 */
public final class FloppyController implements Device<FloppyController.State> {

  private static final int SECTOR = 512;
  private static final int SECTOR_CODE = 2;
  private static final int DRIVES = 4;
  private static final int DMA_CHANNEL = 2;

  /** FORMAT TRACK takes 4 bytes for each of up to 255 sectors; a run has up to 36 sectors. */
  private static final int BUFFER_SECTORS = 64;

  private static final int DOR_DRIVE = 0x03;
  private static final int DOR_NOT_RESET = 0x04;
  private static final int DOR_ENABLE = 0x08;
  private static final int DSR_RESET = 0x80;
  private static final int DSR_RATE = 0x03;

  private static final int MSR_BUSY = 0x10;
  private static final int MSR_NON_DMA = 0x20;
  private static final int MSR_TO_HOST = 0x40;
  private static final int MSR_REQUEST = 0x80;

  private static final int ST0_ABNORMAL = 0x40;
  private static final int ST0_INVALID = 0x80;
  private static final int ST0_POLLING = 0xC0;
  private static final int ST0_SEEK_END = 0x20;
  private static final int ST0_EQUIPMENT = 0x10;
  private static final int ST1_END_OF_CYLINDER = 0x80;
  private static final int ST1_DATA_ERROR = 0x20;
  private static final int ST1_OVERRUN = 0x10;
  private static final int ST1_NO_DATA = 0x04;
  private static final int ST1_NOT_WRITABLE = 0x02;
  private static final int ST1_MISSING_MARK = 0x01;
  private static final int ST2_CONTROL_MARK = 0x40;
  private static final int ST2_DATA_ERROR = 0x20;
  private static final int ST2_WRONG_CYLINDER = 0x10;
  private static final int ST2_BAD_CYLINDER = 0x02;

  private static final int READ_TRACK = 0x02;
  private static final int SPECIFY = 0x03;
  private static final int SENSE_DRIVE = 0x04;
  private static final int WRITE_DATA = 0x05;
  private static final int READ_DATA = 0x06;
  private static final int RECALIBRATE = 0x07;
  private static final int SENSE_INTERRUPT = 0x08;
  private static final int WRITE_DELETED = 0x09;
  private static final int READ_ID = 0x0A;
  private static final int READ_DELETED = 0x0C;
  private static final int FORMAT_TRACK = 0x0D;
  private static final int DUMPREG = 0x0E;
  private static final int SEEK = 0x0F;
  private static final int VERSION = 0x10;
  private static final int PERPENDICULAR = 0x12;
  private static final int CONFIGURE = 0x13;
  private static final int LOCK = 0x14;
  private static final int VERIFY = 0x16;
  private static final int INVALID = 0;

  // Bits of a command's first byte.
  private static final int OPCODE = 0x1F;
  private static final int SKIP = 0x20;
  private static final int MFM = 0x40;
  private static final int MULTI_TRACK = 0x80;

  private static final int CONFIG_IMPLIED_SEEK = 0x40;
  private static final int CONFIG_NO_POLLING = 0x10;

  /** FIFO disabled, threshold 1: an 8272A's behaviour. */
  private static final int CONFIG_DEFAULT = 0x20;

  private static final int ENHANCED_CONTROLLER = 0x90;

  /** Where the arm's stop is. */
  private static final int LAST_TRACK = 84;

  /** RECALIBRATE gives up after so many steps. */
  private static final int RECALIBRATE_STEPS = 79;

  private static final long RESET_NANOS = 20_000;
  private static final long LATENCY_NANOS = 100_000;
  private static final long STEP_NANOS = 50_000;
  private static final long SECTOR_NANOS = 100_000;
  private static final long NOT_DUE = -1;
  private static final int GOES_ON = -1;

  private static final int RATE_500 = 0;
  private static final int RATE_300 = 1;
  private static final int RATE_250 = 2;
  private static final int RATE_1000 = 3;

  /**
   * How a medium is laid out.
   *
   * @param rate the data rate's code in DSR and CCR; a double-density medium is read at 250 kbit/s,
   *     and at 300 in a drive of 1.2 MB, which turns faster
   * @param driveType of the drive that it is made for, as byte 10h of the CMOS has it: 1 360 KB, 2
   *     1.2 MB, 3 720 KB, 4 1.44 MB, 5 2.88 MB
   */
  public record Format(int cylinders, int heads, int sectors, int rate, int driveType) {

    private static final List<Format> KNOWN =
        List.of(
            new Format(40, 1, 8, RATE_250, 1),
            new Format(40, 1, 9, RATE_250, 1),
            new Format(40, 2, 8, RATE_250, 1),
            new Format(40, 2, 9, RATE_250, 1),
            new Format(80, 2, 9, RATE_250, 3),
            new Format(80, 2, 10, RATE_250, 3),
            new Format(82, 2, 10, RATE_250, 3),
            new Format(80, 2, 15, RATE_500, 2),
            new Format(80, 2, 18, RATE_500, 4),
            new Format(82, 2, 18, RATE_500, 4),
            new Format(83, 2, 18, RATE_500, 4),
            new Format(80, 2, 20, RATE_500, 4),
            new Format(80, 2, 21, RATE_500, 4),
            new Format(82, 2, 21, RATE_500, 4),
            new Format(83, 2, 21, RATE_500, 4),
            new Format(80, 2, 36, RATE_1000, 5));

    /** Bytes on a medium of this format. */
    public int size() {
      return cylinders * heads * sectors * SECTOR;
    }

    /**
     * The format of an image of {@code size} bytes. An odd size is taken for a cut-off image of the
     * next larger format, a larger one than all for 2.88 MB.
     */
    public static Format of(long size) {
      for (Format format : KNOWN) {
        if (size <= format.size()) {
          return format;
        }
      }
      return KNOWN.getLast();
    }

    boolean readableAt(int dataRate) {
      return dataRate == rate || rate == RATE_250 && dataRate == RATE_300;
    }
  }

  /** What the controller does with its FIFO. */
  public enum Phase {
    COMMAND,
    EXECUTION,
    RESULT
  }

  /** What a command in its execution phase waits for. */
  public enum Step {
    NONE,
    /** The head to settle on a track. */
    LOCATE,
    /** The host to read the run of sectors. */
    HOST_READ,
    /** The next sector to come by. */
    SECTOR,
    /** The processor, in non-DMA mode, to move the sector. */
    FIFO,
    /** The host to write the run of sectors. */
    HOST_WRITE
  }

  /**
   * @param command bytes received so far
   * @param result bytes to be read
   * @param head of the command under way
   * @param runFirst first sector of the run in the buffer
   * @param runLength sectors of the run
   * @param runDone sectors of it that were moved
   * @param ending ST1 with which the command ends once the run is written, or -1
   * @param sectorsMoved by the command
   * @param formatMask sectors still to be written by FORMAT TRACK
   * @param buffer the run's bytes during an execution phase
   * @param stepDue when the step ends, or -1
   * @param seekDue when each drive's seek ends, or -1
   * @param seekStatus ST0 at the end of each drive's seek
   * @param senseStatus ST0 of each drive for SENSE INTERRUPT STATUS, or -1
   */
  public record State(
      int dor,
      int tdr,
      int dsr,
      int specify,
      int specifySecond,
      int config,
      int pretrack,
      boolean locked,
      int perpendicular,
      int lastSector,
      Phase phase,
      byte[] command,
      byte[] result,
      int resultAt,
      Step step,
      int cylinder,
      int head,
      int sector,
      int runFirst,
      int runLength,
      int runDone,
      int ending,
      int sectorsMoved,
      boolean seekEnd,
      long formatMask,
      int fifoAt,
      int fifoEnd,
      byte[] buffer,
      long stepDue,
      long resetDue,
      boolean interrupt,
      int[] present,
      int[] physical,
      boolean[] changed,
      long[] seekDue,
      int[] seekStatus,
      int[] senseStatus,
      int idSector) {}

  private final EventQueue events;
  private final VirtualClock clock;
  private final IsaDma dma;
  private final IrqLine irq;
  private final int drives;
  private final @Nullable DiskBackend[] media = new @Nullable DiskBackend[DRIVES];

  private int dor;
  private int tdr;
  private int dsr;
  private int specify;
  private int specifySecond;
  private int config;
  private int pretrack;
  private boolean locked;
  private int perpendicular;
  private int lastSector;

  private Phase phase = Phase.COMMAND;
  private final byte[] command = new byte[9];
  private int commandLength;
  private final byte[] result = new byte[10];
  private int resultLength;
  private int resultAt;

  private Step step = Step.NONE;
  private int cylinder;
  private int head;
  private int sector;
  private int runFirst;
  private int runLength;
  private int runDone;
  private int ending;
  private int sectorsMoved;
  private boolean seekEnd;
  private long formatMask;
  private int fifoAt;
  private int fifoEnd;
  private byte[] buffer = new byte[BUFFER_SECTORS * SECTOR];
  private long stepDue = NOT_DUE;
  private long resetDue = NOT_DUE;
  private EventQueue.@Nullable Event stepEvent;
  private EventQueue.@Nullable Event resetEvent;
  private int ticket;
  private boolean interrupt;
  private int idSector;

  private final int[] present = new int[DRIVES];
  private final int[] physical = new int[DRIVES];
  private final boolean[] changed = new boolean[DRIVES];
  private final long[] seekDue = new long[DRIVES];
  private final int[] seekStatus = new int[DRIVES];
  private final int[] senseStatus = new int[DRIVES];
  private final EventQueue.@Nullable Event[] seekEvents = new EventQueue.@Nullable Event[DRIVES];

  /**
   * Puts the controller's ports on the board, not 3F6h, which is the disk controller's.
   *
   * @param drives how many drives there are: 0 to 2
   */
  public FloppyController(Board board, IsaDma dma, IrqLine irq6, int drives) {
    this.events = board.events();
    this.clock = board.clock();
    this.dma = dma;
    this.irq = irq6;
    this.drives = drives;
    board.ports().map(0x3F0, 6, 1, name(), new Registers());
    board
        .ports()
        .map(
            0x3F7,
            1,
            1,
            name(),
            new IoHandler() {
              @Override
              public int read(int offset, int width) {
                int drive = dor & DOR_DRIVE;
                return drive < drives && changed[drive] ? 0x80 : 0;
              }

              @Override
              public void write(int offset, int width, int value) {
                dsr = dsr & ~DSR_RATE | value & DSR_RATE;
              }
            });
    Arrays.fill(changed, true);
    reset();
  }

  /**
   * Puts a medium into a drive, or takes it out with {@code null}; the caller closes what was in. A
   * command under way on it ends with a data error.
   */
  public void insert(int drive, @Nullable DiskBackend medium) {
    media[drive] = medium;
    changed[drive] = true;
    if (phase == Phase.EXECUTION && commandDrive() == drive && step != Step.NONE) {
      cancelStep();
      end(ST0_ABNORMAL, ST1_DATA_ERROR, ST2_DATA_ERROR);
    }
  }

  /** The medium in a drive. */
  public @Nullable DiskBackend medium(int drive) {
    return media[drive];
  }

  /** How many drives there are. */
  public int drives() {
    return drives;
  }

  @Override
  public String name() {
    return "floppy";
  }

  @Override
  public void reset() {
    cancelAll();
    dor = 0;
    tdr = 0;
    dsr = RATE_250;
    specify = 0;
    specifySecond = 0;
    locked = false;
    perpendicular = 0;
    lastSector = 0;
    idSector = 0;
    softwareReset();
    setInterrupt(false);
  }

  /** What both reset bits do; CONFIGURE's values survive when they are locked. */
  private void softwareReset() {
    cancelAll();
    phase = Phase.COMMAND;
    commandLength = 0;
    resultLength = 0;
    resultAt = 0;
    if (!locked) {
      config = CONFIG_DEFAULT;
      pretrack = 0;
    }
    perpendicular &= 0x3C;
    Arrays.fill(present, 0);
    Arrays.fill(senseStatus, -1);
    setInterrupt(false);
  }

  private void resetEnds() {
    resetDue = clock.nanos() + RESET_NANOS;
    scheduleReset();
  }

  private void scheduleReset() {
    resetEvent =
        events.at(
            resetDue,
            "floppy reset",
            () -> {
              resetEvent = null;
              resetDue = NOT_DUE;
              if ((config & CONFIG_NO_POLLING) == 0) {
                for (int drive = 0; drive < DRIVES; drive++) {
                  senseStatus[drive] = ST0_POLLING | drive;
                }
              }
              setInterrupt(true);
            });
  }

  // Registers

  /** Ports 3F0h to 3F5h. */
  private final class Registers implements IoHandler {

    @Override
    public int read(int offset, int width) {
      return switch (offset) {
        case 2 -> dor;
        case 3 -> tdr;
        case 4 -> mainStatus();
        case 5 -> readFifo();
        default -> 0xFF;
      };
    }

    @Override
    public void write(int offset, int width, int value) {
      switch (offset) {
        case 2 -> writeDor(value);
        case 3 -> tdr = value & 3;
        case 4 -> {
          dsr = value & ~DSR_RESET;
          if ((value & DSR_RESET) != 0 && (dor & DOR_NOT_RESET) != 0) {
            softwareReset();
            resetEnds();
          }
        }
        case 5 -> writeFifo(value);
        default -> {}
      }
    }
  }

  private void writeDor(int value) {
    int rising = value & ~dor;
    int falling = dor & ~value;
    dor = value;
    if ((falling & DOR_NOT_RESET) != 0) {
      softwareReset();
    } else if ((rising & DOR_NOT_RESET) != 0) {
      resetEnds();
    }
    driveInterrupt();
  }

  private int mainStatus() {
    if ((dor & DOR_NOT_RESET) == 0 || resetDue != NOT_DUE) {
      return 0;
    }
    int status = 0;
    for (int drive = 0; drive < DRIVES; drive++) {
      if (seekDue[drive] != NOT_DUE) {
        status |= 1 << drive;
      }
    }
    return status
        | switch (phase) {
          case COMMAND -> MSR_REQUEST | (commandLength > 0 ? MSR_BUSY : 0);
          case RESULT -> MSR_REQUEST | MSR_TO_HOST | MSR_BUSY;
          case EXECUTION ->
              MSR_BUSY
                  | (nonDma() ? MSR_NON_DMA : 0)
                  | (step == Step.FIFO ? MSR_REQUEST : 0)
                  | (step == Step.FIFO && !writes() ? MSR_TO_HOST : 0);
        };
  }

  private boolean nonDma() {
    return (specifySecond & 1) != 0;
  }

  private void setInterrupt(boolean level) {
    interrupt = level;
    driveInterrupt();
  }

  private void driveInterrupt() {
    irq.set(interrupt && (dor & DOR_ENABLE) != 0);
  }

  private int readFifo() {
    if (phase == Phase.RESULT) {
      setInterrupt(false);
      int value = result[resultAt++];
      if (resultAt == resultLength) {
        phase = Phase.COMMAND;
        commandLength = 0;
        // A seek that ended meanwhile has its interrupt still to come.
        if (seekEnded()) {
          setInterrupt(true);
        }
      }
      return value;
    }
    if (phase == Phase.EXECUTION && step == Step.FIFO && !writes()) {
      setInterrupt(false);
      int value = buffer[fifoAt++];
      if (fifoAt == fifoEnd) {
        sectorMoved(false);
      }
      return value;
    }
    return 0;
  }

  private void writeFifo(int value) {
    if ((dor & DOR_NOT_RESET) == 0 || resetDue != NOT_DUE) {
      return;
    }
    if (phase == Phase.EXECUTION && step == Step.FIFO && writes()) {
      setInterrupt(false);
      buffer[fifoAt++] = (byte) value;
      if (fifoAt == fifoEnd) {
        if (opcode() == FORMAT_TRACK) {
          formatIdsReceived();
        } else {
          sectorMoved(false);
        }
      }
      return;
    }
    if (phase == Phase.COMMAND) {
      command[commandLength++] = (byte) value;
      if (commandLength == length(command[0] & 0xFF)) {
        execute();
      }
    }
  }

  // Commands

  /** The command in {@code first}, or {@link #INVALID}; the flag bits that it has are allowed. */
  private static int opcodeOf(int first) {
    int opcode = first & OPCODE;
    int flags = first & ~OPCODE;
    int allowed =
        switch (opcode) {
          case READ_DATA, READ_DELETED, VERIFY -> MULTI_TRACK | MFM | SKIP;
          case WRITE_DATA, WRITE_DELETED -> MULTI_TRACK | MFM;
          case READ_TRACK, READ_ID, FORMAT_TRACK -> MFM;
          case SEEK -> MULTI_TRACK | MFM; // relative, inwards
          case LOCK -> MULTI_TRACK; // lock
          case SPECIFY,
              SENSE_DRIVE,
              RECALIBRATE,
              SENSE_INTERRUPT,
              DUMPREG,
              VERSION,
              PERPENDICULAR,
              CONFIGURE ->
              0;
          default -> -1;
        };
    return allowed == -1 || (flags & ~allowed) != 0 ? INVALID : opcode;
  }

  private static int length(int first) {
    return switch (opcodeOf(first)) {
      case READ_TRACK, READ_DATA, READ_DELETED, WRITE_DATA, WRITE_DELETED, VERIFY -> 9;
      case FORMAT_TRACK -> 6;
      case CONFIGURE -> 4;
      case SPECIFY, SEEK -> 3;
      case SENSE_DRIVE, RECALIBRATE, READ_ID, PERPENDICULAR -> 2;
      default -> 1;
    };
  }

  private int opcode() {
    return opcodeOf(command[0] & 0xFF);
  }

  private int u8(int at) {
    return command[at] & 0xFF;
  }

  private int commandDrive() {
    return command[1] & DOR_DRIVE;
  }

  private boolean writes() {
    return switch (opcode()) {
      case WRITE_DATA, WRITE_DELETED, FORMAT_TRACK -> true;
      default -> false;
    };
  }

  private void execute() {
    resultLength = 0;
    switch (opcode()) {
      case SPECIFY -> {
        specify = u8(1);
        specifySecond = u8(2);
        noResult();
      }
      case CONFIGURE -> {
        config = u8(2);
        pretrack = u8(3);
        noResult();
      }
      case PERPENDICULAR -> {
        // Bits 2-5 are written only with OW, bit 7.
        perpendicular = (u8(1) & 0x80) != 0 ? u8(1) & 0x3F : perpendicular & 0x3C | u8(1) & 0x03;
        noResult();
      }
      case LOCK -> {
        locked = (u8(0) & MULTI_TRACK) != 0;
        putResult(locked ? 0x10 : 0);
        giveResult(false);
      }
      case VERSION -> {
        putResult(ENHANCED_CONTROLLER);
        giveResult(false);
      }
      case DUMPREG -> dumpRegisters();
      case SENSE_INTERRUPT -> senseInterrupt();
      case SENSE_DRIVE -> {
        putResult(driveStatus());
        giveResult(false);
      }
      case RECALIBRATE -> recalibrate();
      case SEEK -> seek();
      case READ_ID, FORMAT_TRACK -> {
        cylinder = physical[commandDrive()];
        head = u8(1) >> 2 & 1;
        sector = 1;
        begin();
      }
      case READ_TRACK, READ_DATA, READ_DELETED, WRITE_DATA, WRITE_DELETED, VERIFY -> {
        cylinder = u8(2);
        head = u8(3) & 1;
        sector = opcode() == READ_TRACK ? 1 : u8(4);
        lastSector = u8(6);
        begin();
      }
      default -> {
        putResult(ST0_INVALID);
        giveResult(false);
      }
    }
  }

  private void noResult() {
    phase = Phase.COMMAND;
    commandLength = 0;
  }

  private void putResult(int value) {
    result[resultLength++] = (byte) value;
  }

  private void giveResult(boolean withInterrupt) {
    phase = Phase.RESULT;
    resultAt = 0;
    if (withInterrupt) {
      setInterrupt(true);
    }
  }

  private void dumpRegisters() {
    for (int drive = 0; drive < DRIVES; drive++) {
      putResult(present[drive]);
    }
    putResult(specify);
    putResult(specifySecond);
    putResult(lastSector);
    putResult((locked ? 0x80 : 0) | perpendicular & 0x3F);
    putResult(config);
    putResult(pretrack);
    giveResult(false);
  }

  private int driveStatus() {
    int drive = commandDrive();
    DiskBackend medium = media[drive];
    boolean exists = drive < drives;
    return u8(1) & 7
        | 0x28
        | (exists && physical[drive] == 0 ? 0x10 : 0)
        | (exists && medium != null && medium.readOnly() ? 0x40 : 0);
  }

  /** Whether a seek waits for its SENSE INTERRUPT STATUS. */
  private boolean seekEnded() {
    for (int status : senseStatus) {
      if (status >= 0 && !polling(status)) {
        return true;
      }
    }
    return false;
  }

  /** After a reset one interrupt stands for all four drives; each seek has its own. */
  private static boolean polling(int status) {
    return (status & ST0_POLLING) == ST0_POLLING;
  }

  private void senseInterrupt() {
    for (int drive = 0; drive < DRIVES; drive++) {
      if (senseStatus[drive] >= 0) {
        putResult(senseStatus[drive]);
        putResult(present[drive]);
        senseStatus[drive] = -1;
        setInterrupt(false);
        giveResult(false);
        return;
      }
    }
    setInterrupt(false);
    putResult(ST0_INVALID);
    giveResult(false);
  }

  // Seeking

  private void seek() {
    int drive = commandDrive();
    boolean relative = (u8(0) & MULTI_TRACK) != 0;
    boolean inwards = (u8(0) & MFM) != 0;
    int target = !relative ? u8(2) : inwards ? present[drive] + u8(2) : present[drive] - u8(2);
    int steps = target - present[drive];
    present[drive] = target & 0xFF;
    step(drive, steps);
    startSeek(drive, Math.abs(steps), ST0_SEEK_END | u8(1) & 7);
  }

  private void recalibrate() {
    int drive = commandDrive();
    boolean exists = drive < drives;
    int steps = exists ? Math.min(physical[drive], RECALIBRATE_STEPS) : RECALIBRATE_STEPS;
    step(drive, -steps);
    present[drive] = 0;
    boolean found = exists && physical[drive] == 0;
    int status = ST0_SEEK_END | drive | (found ? 0 : ST0_ABNORMAL | ST0_EQUIPMENT);
    startSeek(drive, steps, status);
  }

  /** Moves the arm; a step pulse with a medium in the drive also clears the disk change line. */
  private void step(int drive, int steps) {
    physical[drive] = Math.clamp(physical[drive] + steps, 0, LAST_TRACK);
    if (steps != 0 && media[drive] != null) {
      changed[drive] = false;
    }
  }

  private void startSeek(int drive, int steps, int status) {
    noResult();
    cancelSeek(drive);
    senseStatus[drive] = -1;
    seekStatus[drive] = status;
    seekDue[drive] = clock.nanos() + LATENCY_NANOS + steps * STEP_NANOS;
    scheduleSeek(drive);
  }

  private void scheduleSeek(int drive) {
    seekEvents[drive] =
        events.at(
            seekDue[drive],
            "floppy seek",
            () -> {
              seekEvents[drive] = null;
              seekDue[drive] = NOT_DUE;
              senseStatus[drive] = seekStatus[drive];
              setInterrupt(true);
            });
  }

  private void cancelSeek(int drive) {
    EventQueue.Event event = seekEvents[drive];
    if (event != null) {
      events.cancel(event);
      seekEvents[drive] = null;
    }
    seekDue[drive] = NOT_DUE;
  }

  // Execution

  private void begin() {
    phase = Phase.EXECUTION;
    ending = GOES_ON;
    sectorsMoved = 0;
    seekEnd = false;
    formatMask = 0;
    runLength = 0;
    runDone = 0;
    fifoAt = 0;
    fifoEnd = 0;
    long nanos = LATENCY_NANOS;
    int drive = commandDrive();
    boolean addressed = opcode() != READ_ID && opcode() != FORMAT_TRACK;
    if (addressed && (config & CONFIG_IMPLIED_SEEK) != 0 && present[drive] != cylinder) {
      int steps = cylinder - present[drive];
      present[drive] = cylinder;
      step(drive, steps);
      seekEnd = true;
      nanos += Math.abs(steps) * STEP_NANOS;
    }
    await(Step.LOCATE, nanos);
  }

  private void await(Step next, long nanos) {
    step = next;
    stepDue = clock.nanos() + nanos;
    scheduleStep();
  }

  private void scheduleStep() {
    stepEvent =
        events.at(
            stepDue,
            "floppy",
            () -> {
              stepEvent = null;
              stepDue = NOT_DUE;
              if (step == Step.LOCATE) {
                locate();
              } else {
                sectorComesBy();
              }
            });
  }

  private @Nullable Format format() {
    DiskBackend medium = media[commandDrive()];
    return medium == null || commandDrive() >= drives ? null : Format.of(medium.size());
  }

  /** Looks for the first sector of a run on the track under the head. */
  private void locate() {
    DiskBackend medium = media[commandDrive()];
    Format format = format();
    int track = physical[commandDrive()];
    if (medium == null
        || format == null
        || (u8(0) & MFM) == 0
        || !format.readableAt(dsr & DSR_RATE)
        || track >= format.cylinders
        || head >= format.heads) {
      end(ST0_ABNORMAL, ST1_MISSING_MARK, 0);
      return;
    }
    if (writes() && medium.readOnly()) {
      end(ST0_ABNORMAL, ST1_NOT_WRITABLE, 0);
      return;
    }
    switch (opcode()) {
      case READ_ID -> {
        idSector = idSector % format.sectors + 1;
        sector = idSector;
        end(0, 0, 0);
      }
      case FORMAT_TRACK -> {
        fifoEnd = Math.min(u8(3) * 4, buffer.length);
        await(Step.SECTOR, SECTOR_NANOS);
      }
      default -> locateSector(medium, format, track);
    }
  }

  private void locateSector(DiskBackend medium, Format format, int track) {
    if (cylinder != track) {
      int wrong = cylinder == 0xFF ? ST2_BAD_CYLINDER : ST2_WRONG_CYLINDER;
      end(ST0_ABNORMAL, ST1_NO_DATA, wrong);
      return;
    }
    int size = opcode() == READ_TRACK ? SECTOR_CODE : u8(5);
    if (sector == 0 || sector > format.sectors || size != SECTOR_CODE) {
      end(ST0_ABNORMAL, ST1_NO_DATA, 0);
      return;
    }
    if (opcode() == READ_DELETED && (u8(0) & SKIP) != 0) {
      // No sector here is marked as deleted: all are skipped.
      sector = Math.max(lastSector, sector);
      nextSector();
      end(ST0_ABNORMAL, ST1_END_OF_CYLINDER, 0);
      return;
    }
    int last = lastSector >= sector ? Math.min(lastSector, format.sectors) : format.sectors;
    runFirst = sector;
    runLength = last - sector + 1;
    runDone = 0;
    if (writes()) {
      await(Step.SECTOR, SECTOR_NANOS);
    } else {
      step = Step.HOST_READ;
      hostRead(medium, format);
    }
  }

  private long offset(Format format, int firstSector) {
    int track = physical[commandDrive()];
    return (((long) track * format.heads + head) * format.sectors + firstSector - 1) * SECTOR;
  }

  /** What a cut-off image lacks reads as zeros. */
  private void hostRead(DiskBackend medium, Format format) {
    int mine = ++ticket;
    long from = offset(format, runFirst);
    int wanted = runLength * SECTOR;
    int there = Math.clamp(medium.size() - from, 0, wanted);
    Arrays.fill(buffer, there, wanted, (byte) 0);
    DiskBackend.Completion done =
        ok -> {
          if (mine == ticket) {
            hostDone(ok);
          }
        };
    medium.read(Math.min(from, medium.size()), buffer, 0, there, done);
  }

  private void hostWrite(DiskBackend medium, Format format) {
    int mine = ++ticket;
    long to = offset(format, runFirst);
    int length = Math.clamp(medium.size() - to, 0, runDone * SECTOR);
    DiskBackend.Completion done =
        ok -> {
          if (mine == ticket) {
            hostDone(ok);
          }
        };
    medium.write(Math.min(to, medium.size()), buffer, 0, length, done);
  }

  private void hostDone(boolean ok) {
    Step done = step;
    step = Step.NONE;
    if (!ok) {
      sector = runFirst;
      end(ST0_ABNORMAL, ST1_DATA_ERROR, ST2_DATA_ERROR);
    } else if (done == Step.HOST_READ) {
      await(Step.SECTOR, SECTOR_NANOS);
    } else if (opcode() == FORMAT_TRACK) {
      nextFormatRun();
    } else if (ending != GOES_ON) {
      end(ending == 0 ? 0 : ST0_ABNORMAL, ending, 0);
    } else {
      nextRun();
    }
  }

  /** The sector is under the head: moves it by DMA, or offers it to the processor. */
  private void sectorComesBy() {
    if (opcode() == VERIFY) {
      sectorMoved(verifiedAll());
      return;
    }
    boolean formatting = opcode() == FORMAT_TRACK;
    fifoAt = formatting ? 0 : runDone * SECTOR;
    int length = formatting ? fifoEnd : SECTOR;
    fifoEnd = fifoAt + length;
    if (nonDma() && length > 0) {
      step = Step.FIFO;
      setInterrupt(true);
      return;
    }
    int moved =
        writes()
            ? dma.fromMemory(DMA_CHANNEL, buffer, fifoAt, length)
            : dma.toMemory(DMA_CHANNEL, buffer, fifoAt, length);
    boolean terminal = dma.terminalCount(DMA_CHANNEL);
    step = Step.NONE;
    if (moved < length && !terminal || moved == 0 && length > 0) {
      overrun();
      return;
    }
    if (writes()) {
      Arrays.fill(buffer, fifoAt + moved, fifoAt + length, (byte) 0);
    }
    if (formatting) {
      fifoEnd = moved;
      formatIdsReceived();
    } else {
      sectorMoved(terminal);
    }
  }

  /** VERIFY with EC set counts its sectors in place of terminal count. */
  private boolean verifiedAll() {
    return (u8(1) & 0x80) != 0 && sectorsMoved + 1 >= u8(8);
  }

  /** Nobody took or gave the data in time; the sectors before are still written. */
  private void overrun() {
    DiskBackend medium = media[commandDrive()];
    Format format = format();
    if (writes() && runDone > 0 && medium != null && format != null) {
      ending = ST1_OVERRUN;
      step = Step.HOST_WRITE;
      hostWrite(medium, format);
    } else {
      end(ST0_ABNORMAL, ST1_OVERRUN, 0);
    }
  }

  /**
   * A sector has passed.
   *
   * @param terminal whether terminal count came with it
   */
  private void sectorMoved(boolean terminal) {
    runDone++;
    sectorsMoved++;
    ending = terminal ? 0 : GOES_ON;
    boolean last = runDone == runLength;
    if (opcode() == READ_DELETED) {
      // A sector without the deleted mark is read and ends the command.
      nextSector();
      end(0, 0, ST2_CONTROL_MARK);
      return;
    }
    if (terminal || last) {
      step = Step.NONE;
      DiskBackend medium = media[commandDrive()];
      Format format = format();
      if (writes() && medium != null && format != null) {
        if (terminal) {
          nextSector();
        }
        step = Step.HOST_WRITE;
        hostWrite(medium, format);
      } else if (terminal) {
        nextSector();
        end(0, 0, 0);
      } else {
        nextRun();
      }
      return;
    }
    sector++;
    await(Step.SECTOR, SECTOR_NANOS);
  }

  /**
   * The address after {@link #sector}, as the result phase gives it (data sheet, table 5-6 "result
   * phase").
   */
  private void nextSector() {
    if (sector != lastSector) {
      sector++;
      return;
    }
    sector = 1;
    boolean multiTrack = (u8(0) & MULTI_TRACK) != 0;
    if (multiTrack) {
      head ^= 1;
    }
    if (!multiTrack || head == 0) {
      cylinder++;
    }
  }

  /** After a run without terminal count: the other side, a missing sector, or the end. */
  private void nextRun() {
    sector = runFirst + runLength - 1;
    boolean endOfTrack = sector == lastSector;
    boolean otherSide = (u8(0) & MULTI_TRACK) != 0 && head == 0;
    nextSector();
    if (!endOfTrack) {
      end(ST0_ABNORMAL, ST1_NO_DATA, 0);
    } else if (otherSide) {
      await(Step.LOCATE, 0);
    } else if (opcode() == VERIFY && (u8(1) & 0x80) == 0) {
      end(0, 0, 0);
    } else {
      end(ST0_ABNORMAL, ST1_END_OF_CYLINDER, 0);
    }
  }

  // FORMAT TRACK

  /** The buffer holds C, H, R and N of each sector; what the image has no room for is left out. */
  private void formatIdsReceived() {
    step = Step.NONE;
    Format format = format();
    formatMask = 0;
    for (int at = 0; format != null && at + 4 <= fifoEnd; at += 4) {
      int number = buffer[at + 2] & 0xFF;
      if ((buffer[at] & 0xFF) == cylinder
          && (buffer[at + 1] & 0xFF) == head
          && number >= 1
          && number <= format.sectors
          && buffer[at + 3] == SECTOR_CODE) {
        formatMask |= 1L << number;
      }
    }
    Arrays.fill(buffer, command[5]);
    nextFormatRun();
  }

  private void nextFormatRun() {
    DiskBackend medium = media[commandDrive()];
    Format format = format();
    if (formatMask == 0 || medium == null || format == null) {
      end(0, 0, 0);
      return;
    }
    runFirst = Long.numberOfTrailingZeros(formatMask);
    runDone = Long.numberOfTrailingZeros(~(formatMask >>> runFirst));
    formatMask &= -1L << runFirst + runDone;
    step = Step.HOST_WRITE;
    hostWrite(medium, format);
  }

  private void end(int st0, int st1, int st2) {
    step = Step.NONE;
    resultLength = 0;
    int st0Head =
        opcode() == FORMAT_TRACK || opcode() == READ_ID ? u8(1) & 7 : head << 2 | commandDrive();
    putResult(st0 | (seekEnd ? ST0_SEEK_END : 0) | st0Head);
    putResult(st1);
    putResult(st2);
    putResult(cylinder);
    putResult(head);
    putResult(sector);
    putResult(SECTOR_CODE);
    giveResult(true);
  }

  private void cancelStep() {
    if (stepEvent != null) {
      events.cancel(stepEvent);
      stepEvent = null;
    }
    stepDue = NOT_DUE;
    if (step == Step.HOST_READ || step == Step.HOST_WRITE) {
      // The host may still be reading into or writing from the old one.
      buffer = new byte[BUFFER_SECTORS * SECTOR];
    }
    ticket++;
    step = Step.NONE;
  }

  private void cancelAll() {
    cancelStep();
    if (resetEvent != null) {
      events.cancel(resetEvent);
      resetEvent = null;
    }
    resetDue = NOT_DUE;
    for (int drive = 0; drive < DRIVES; drive++) {
      cancelSeek(drive);
    }
  }

  // State

  @Override
  public State state() {
    return new State(
        dor,
        tdr,
        dsr,
        specify,
        specifySecond,
        config,
        pretrack,
        locked,
        perpendicular,
        lastSector,
        phase,
        Arrays.copyOf(command, commandLength),
        Arrays.copyOf(result, resultLength),
        resultAt,
        step,
        cylinder,
        head,
        sector,
        runFirst,
        runLength,
        runDone,
        ending,
        sectorsMoved,
        seekEnd,
        formatMask,
        fifoAt,
        fifoEnd,
        phase == Phase.EXECUTION ? buffer.clone() : new byte[0],
        stepDue,
        resetDue,
        interrupt,
        present.clone(),
        physical.clone(),
        changed.clone(),
        seekDue.clone(),
        seekStatus.clone(),
        senseStatus.clone(),
        idSector);
  }

  @Override
  public void restore(State state) {
    cancelAll();
    dor = state.dor;
    tdr = state.tdr;
    dsr = state.dsr;
    specify = state.specify;
    specifySecond = state.specifySecond;
    config = state.config;
    pretrack = state.pretrack;
    locked = state.locked;
    perpendicular = state.perpendicular;
    lastSector = state.lastSector;
    phase = state.phase;
    commandLength = state.command.length;
    System.arraycopy(state.command, 0, command, 0, commandLength);
    resultLength = state.result.length;
    System.arraycopy(state.result, 0, result, 0, resultLength);
    resultAt = state.resultAt;
    step = state.step;
    cylinder = state.cylinder;
    head = state.head;
    sector = state.sector;
    runFirst = state.runFirst;
    runLength = state.runLength;
    runDone = state.runDone;
    ending = state.ending;
    sectorsMoved = state.sectorsMoved;
    seekEnd = state.seekEnd;
    formatMask = state.formatMask;
    fifoAt = state.fifoAt;
    fifoEnd = state.fifoEnd;
    System.arraycopy(state.buffer, 0, buffer, 0, state.buffer.length);
    interrupt = state.interrupt;
    System.arraycopy(state.present, 0, present, 0, DRIVES);
    System.arraycopy(state.physical, 0, physical, 0, DRIVES);
    System.arraycopy(state.changed, 0, changed, 0, DRIVES);
    System.arraycopy(state.seekDue, 0, seekDue, 0, DRIVES);
    System.arraycopy(state.seekStatus, 0, seekStatus, 0, DRIVES);
    System.arraycopy(state.senseStatus, 0, senseStatus, 0, DRIVES);
    idSector = state.idSector;
    stepDue = state.stepDue;
    resetDue = state.resetDue;
    resume();
    driveInterrupt();
  }

  /** Enters the pending events anew and asks the host again for what it had not answered. */
  private void resume() {
    if (stepDue != NOT_DUE) {
      scheduleStep();
    }
    if (resetDue != NOT_DUE) {
      scheduleReset();
    }
    for (int drive = 0; drive < DRIVES; drive++) {
      if (seekDue[drive] != NOT_DUE) {
        scheduleSeek(drive);
      }
    }
    if (step != Step.HOST_READ && step != Step.HOST_WRITE) {
      return;
    }
    DiskBackend medium = media[commandDrive()];
    Format format = format();
    if (medium == null || format == null) {
      end(ST0_ABNORMAL, ST1_DATA_ERROR, ST2_DATA_ERROR);
    } else if (step == Step.HOST_READ) {
      hostRead(medium, format);
    } else {
      hostWrite(medium, format);
    }
  }
}
