package io.satchel.vm.device;

import io.satchel.vm.host.DiskBackend;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What a disk and a packet device on an ATA cable have in common: the command block registers, the
 * data port, the interrupt request and the work that the host does for them (ATA/ATAPI-6, T13
 * 1410D, clauses 6, 7 and 9).
 *
 * <pre>
 * offset  read                write
 * 0       data                data
 * 1       error               features
 * 2       sector count        sector count      (packet: interrupt reason)
 * 3       LBA low             LBA low           (CHS: sector number)
 * 4       LBA mid             LBA mid           (CHS: cylinder low; packet: byte count low)
 * 5       LBA high            LBA high          (CHS: cylinder high; packet: byte count high)
 * 6       device              device            (bit 6 LBA, bit 4 DEV, bits 3-0 head or LBA 27-24)
 * 7       status              command
 * </pre>
 *
 * <p>Data move through one buffer of {@value #BUFFER_SECTORS} sectors: the host fills or empties
 * the whole of it in one request, the guest takes it in blocks by the data port or by DMA.
 */
public abstract sealed class AtaUnit permits AtaDisk, AtapiDrive {

  static final int STATUS_BSY = 0x80;
  static final int STATUS_DRDY = 0x40;
  static final int STATUS_DF = 0x20;
  static final int STATUS_DSC = 0x10;
  static final int STATUS_DRQ = 0x08;
  static final int STATUS_ERR = 0x01;

  static final int ERROR_UNC = 0x40;
  static final int ERROR_WP = 0x40;
  static final int ERROR_IDNF = 0x10;
  static final int ERROR_ABRT = 0x04;

  static final int DEVICE_LBA = 0x40;
  static final int DEVICE_DEV = 0x10;

  /** Bits 7 and 5 of the device register are obsolete and read as ones. */
  private static final int DEVICE_OBSOLETE = 0xA0;

  /** Diagnostic code: no error. */
  static final int DIAGNOSTIC_PASSED = 0x01;

  static final int BUFFER_SECTORS = 256;
  static final int BUFFER_SIZE = BUFFER_SECTORS * 512;

  /** A 32-bit write of a block's last bytes may go beyond it. */
  private static final int BUFFER_SLACK = 4;

  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  /**
   * How long a command takes at least, in virtual time.
   *
   * @param overheadNanos for any command; drivers of the time (Windows 2000's installer is the
   *     known case) misbehave when the interrupt comes too early
   * @param bytesPerSecond the medium's speed
   */
  public record Timing(long overheadNanos, long bytesPerSecond) {

    /** As fast as the host; for tests. */
    public static final Timing PROMPT = new Timing(0, Long.MAX_VALUE);

    /** For a clock that follows the host's: the host's own delay comes on top. */
    public static final Timing HOST = new Timing(20_000, Long.MAX_VALUE);

    /** For a clock that counts instructions: the same in every run. */
    public static final Timing REPEATABLE = new Timing(50_000, 100_000_000);

    /** Nanoseconds that a command takes which moves {@code bytes}, at most a buffer. */
    long nanos(int bytes) {
      return overheadNanos + bytes * 1_000_000_000L / bytesPerSecond;
    }
  }

  /** What the guest sees a unit do. */
  public enum Phase {
    /** Waiting for a command. */
    IDLE,
    /** BSY: the host is at work, or time passes. */
    WORKING,
    /** DRQ: the guest reads a block by the data port. */
    PIO_IN,
    /** DRQ: the guest writes a block by the data port. */
    PIO_OUT,
    /** DMARQ: the buffer waits to be moved to memory. */
    DMA_IN,
    /** DMARQ: the buffer waits to be filled from memory. */
    DMA_OUT
  }

  /** What the host does while a unit is busy. */
  public enum Work {
    NONE,
    READ,
    WRITE,
    FLUSH,
    DISCARD,
    /** Nothing, but it takes the time of a command. */
    PAUSE
  }

  /**
   * The state that all units have.
   *
   * @param previous the former contents of features, sector count and LBA low, mid and high, as the
   *     48-bit commands use them
   * @param position of the guest in the buffer
   * @param blockEnd of the block that DRQ offers
   * @param bufferEnd of what the buffer holds or is to hold
   * @param buffer its first {@code bufferEnd} bytes
   * @param due when the work may end at the earliest; the work itself is done again on restore
   */
  public record Registers(
      int error,
      int features,
      int count,
      int low,
      int mid,
      int high,
      int device,
      int status,
      int[] previous,
      boolean interrupt,
      Phase phase,
      int position,
      int blockEnd,
      int bufferEnd,
      byte[] buffer,
      Work work,
      long workOffset,
      long workLength,
      long due) {}

  /** The channel that a unit is plugged into. */
  interface Cable {
    /** The unit's INTRQ has changed. */
    void interruptChanged();

    /** The unit has entered {@link Phase#DMA_IN} or {@link Phase#DMA_OUT}. */
    void dmaRequested();
  }

  private final String name;
  private final EventQueue events;
  private final VirtualClock clock;
  private final Timing timing;
  private Cable cable =
      new Cable() {
        @Override
        public void interruptChanged() {}

        @Override
        public void dmaRequested() {}
      };

  int error;
  int features;
  int count;
  int low;
  int mid;
  int high;
  int device;
  int status;
  int previousFeatures;
  int previousCount;
  int previousLow;
  int previousMid;
  int previousHigh;
  private boolean interrupt;

  Phase phase = Phase.IDLE;
  byte[] buffer = new byte[BUFFER_SIZE + BUFFER_SLACK];
  int position;
  int blockEnd;
  int bufferEnd;

  private Work work = Work.NONE;
  private long workOffset;
  private long workLength;
  private long due;
  private boolean hostOk;
  private int ticket;
  private EventQueue.@Nullable Event event;

  AtaUnit(String name, EventQueue events, VirtualClock clock, Timing timing) {
    this.name = name;
    this.events = events;
    this.clock = clock;
    this.timing = timing;
  }

  /** The unit's name in a snapshot. */
  public final String name() {
    return name;
  }

  final void attach(Cable channel) {
    cable = channel;
  }

  /** The medium, if there is one. */
  abstract @Nullable DiskBackend medium();

  /** A command byte was written while the unit was not busy. */
  abstract void execute(int command);

  /** The work ended; {@link #phase} is to be set anew. */
  abstract void workDone(Work done, boolean ok);

  /** The guest has read the block that was offered. */
  abstract void blockRead();

  /** The guest has written the block that was asked for. */
  abstract void blockWritten();

  /** The whole buffer has been moved by DMA. */
  abstract void dmaDone();

  /** Sets the registers to what tells the host which kind of device this is. */
  abstract void putSignature();

  /** Ends what a command had begun, for a reset. */
  abstract void forgetCommand();

  /** Whether a command is taken while the unit is busy: DEVICE RESET is, by a packet device. */
  boolean takesWhileBusy(int command) {
    return false;
  }

  // Registers

  final int readRegister(int offset, boolean previousContents) {
    return switch (offset) {
      case 1 -> error;
      case 2 -> previousContents ? previousCount : count;
      case 3 -> previousContents ? previousLow : low;
      case 4 -> previousContents ? previousMid : mid;
      case 5 -> previousContents ? previousHigh : high;
      case 6 -> device;
      default -> {
        setInterrupt(false);
        yield status;
      }
    };
  }

  final int alternateStatus() {
    return status;
  }

  /** Both units on a cable see every write of registers 1 to 6; a busy one ignores it. */
  final void writeRegister(int offset, int value) {
    if ((status & STATUS_BSY) != 0) {
      return;
    }
    switch (offset) {
      case 1 -> {
        previousFeatures = features;
        features = value;
      }
      case 2 -> {
        previousCount = count;
        count = value;
      }
      case 3 -> {
        previousLow = low;
        low = value;
      }
      case 4 -> {
        previousMid = mid;
        mid = value;
      }
      case 5 -> {
        previousHigh = high;
        high = value;
      }
      default -> device = value | DEVICE_OBSOLETE;
    }
  }

  final void writeCommand(int command) {
    if ((status & STATUS_BSY) != 0 && !takesWhileBusy(command)) {
      return;
    }
    setInterrupt(false);
    cancelWork();
    forgetCommand();
    phase = Phase.IDLE;
    error = 0;
    status = STATUS_DRDY | STATUS_DSC;
    execute(command);
  }

  final boolean interrupt() {
    return interrupt;
  }

  final void setInterrupt(boolean level) {
    if (interrupt != level) {
      interrupt = level;
      cable.interruptChanged();
    }
  }

  // The data port

  final int readData(int width) {
    if (phase != Phase.PIO_IN) {
      return -1;
    }
    int at = position;
    int next = at + width;
    if (next > blockEnd) {
      return readTail();
    }
    position = next;
    int value =
        width == 2
            ? (short) SHORT.get(buffer, at)
            : width == 4 ? (int) INT.get(buffer, at) : buffer[at];
    if (next == blockEnd) {
      blockRead();
    }
    return value;
  }

  /** A read that is wider than what is left of the block: zeros fill it. */
  private int readTail() {
    int value = 0;
    for (int shift = 0; position < blockEnd; shift += 8) {
      value |= (buffer[position++] & 0xFF) << shift;
    }
    blockRead();
    return value;
  }

  final void writeData(int width, int value) {
    if (phase != Phase.PIO_OUT) {
      return;
    }
    int at = position;
    int next = at + width;
    position = next;
    if (width == 2) {
      SHORT.set(buffer, at, (short) value);
    } else if (width == 4) {
      INT.set(buffer, at, value);
    } else {
      buffer[at] = (byte) value;
    }
    if (next >= blockEnd) {
      position = blockEnd;
      blockWritten();
    }
  }

  // Phases

  /** Offers or asks for the next {@code length} bytes of the buffer by the data port. */
  final void pio(Phase direction, int length) {
    phase = direction;
    blockEnd = position + length;
    status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
  }

  /** Has the first {@code length} bytes of the buffer moved by the bus master. */
  final void dma(Phase direction, int length) {
    phase = direction;
    position = 0;
    bufferEnd = length;
    status = STATUS_DRDY | STATUS_DSC | STATUS_DRQ;
    cable.dmaRequested();
  }

  final boolean requestsDma() {
    return phase == Phase.DMA_IN || phase == Phase.DMA_OUT;
  }

  /** The command ended well. */
  final void finish() {
    phase = Phase.IDLE;
    status = STATUS_DRDY | STATUS_DSC;
    setInterrupt(true);
  }

  /** The command ended with an error. */
  final void fail(int errorBits) {
    phase = Phase.IDLE;
    error = errorBits;
    status = STATUS_DRDY | STATUS_DSC | STATUS_ERR;
    setInterrupt(true);
  }

  // Work of the host

  /** Goes busy until the host has done the work and its time has passed. */
  final void begin(Work kind, long offset, long length) {
    phase = Phase.WORKING;
    status = STATUS_BSY | STATUS_DSC;
    work = kind;
    workOffset = offset;
    workLength = length;
    boolean moves = kind == Work.READ || kind == Work.WRITE;
    due = clock.nanos() + timing.nanos(moves ? (int) length : 0);
    submit();
  }

  private void submit() {
    int mine = ++ticket;
    DiskBackend medium = medium();
    DiskBackend.Completion done =
        ok -> {
          if (mine == ticket) {
            hostDone(ok);
          }
        };
    if (work == Work.PAUSE) {
      hostDone(true);
    } else if (medium == null) {
      hostDone(false);
    } else {
      switch (work) {
        case READ -> medium.read(workOffset, buffer, 0, (int) workLength, done);
        case WRITE -> medium.write(workOffset, buffer, 0, (int) workLength, done);
        case FLUSH -> medium.flush(done);
        default -> medium.discard(workOffset, workLength, done);
      }
    }
  }

  private void hostDone(boolean ok) {
    hostOk = ok;
    if (clock.nanos() >= due) {
      endWork();
    } else {
      event = events.at(due, name, this::endWork);
    }
  }

  private void endWork() {
    event = null;
    Work done = work;
    work = Work.NONE;
    workDone(done, hostOk);
  }

  /** Lets go of work under way; its result will not be looked at. */
  final void cancelWork() {
    if (work == Work.NONE) {
      return;
    }
    work = Work.NONE;
    ticket++;
    if (event != null) {
      events.cancel(event);
      event = null;
    } else {
      // The host may still be reading into or writing from the old one.
      buffer = new byte[BUFFER_SIZE + BUFFER_SLACK];
    }
  }

  final Work work() {
    return work;
  }

  // Reset

  /** SRST went high: busy until it goes low. */
  final void softwareResetBegins() {
    setInterrupt(false);
    cancelWork();
    forgetCommand();
    phase = Phase.WORKING;
    status = STATUS_BSY;
  }

  /** SRST went low. */
  final void softwareResetEnds() {
    phase = Phase.IDLE;
    device = DEVICE_OBSOLETE;
    error = DIAGNOSTIC_PASSED;
    softwareReset();
    putSignature();
  }

  /** What else a software reset changes. */
  void softwareReset() {}

  /** RESET-: registers as at power-on. */
  final void resetRegisters() {
    interrupt = false;
    cancelWork();
    forgetCommand();
    phase = Phase.IDLE;
    features = 0;
    previousFeatures = 0;
    previousCount = 0;
    previousLow = 0;
    previousMid = 0;
    previousHigh = 0;
    position = 0;
    blockEnd = 0;
    bufferEnd = 0;
    device = DEVICE_OBSOLETE;
    error = DIAGNOSTIC_PASSED;
    putSignature();
    cable.interruptChanged();
  }

  /** EXECUTE DEVICE DIAGNOSTIC, which both units obey; only device 0 interrupts. */
  final void diagnose(boolean device0) {
    cancelWork();
    forgetCommand();
    phase = Phase.IDLE;
    device = DEVICE_OBSOLETE;
    error = DIAGNOSTIC_PASSED;
    putSignature();
    setInterrupt(device0);
  }

  // State

  final Registers registers() {
    int live = phase == Phase.IDLE ? 0 : bufferEnd;
    return new Registers(
        error,
        features,
        count,
        low,
        mid,
        high,
        device,
        status,
        new int[] {previousFeatures, previousCount, previousLow, previousMid, previousHigh},
        interrupt,
        phase,
        position,
        blockEnd,
        bufferEnd,
        Arrays.copyOf(buffer, live),
        work,
        workOffset,
        workLength,
        due);
  }

  /**
   * Call it last: work that was under way begins again. The line itself is the controller's state.
   */
  final void restoreRegisters(Registers state) {
    cancelWork();
    error = state.error;
    features = state.features;
    count = state.count;
    low = state.low;
    mid = state.mid;
    high = state.high;
    device = state.device;
    status = state.status;
    previousFeatures = state.previous[0];
    previousCount = state.previous[1];
    previousLow = state.previous[2];
    previousMid = state.previous[3];
    previousHigh = state.previous[4];
    interrupt = state.interrupt;
    phase = state.phase;
    position = state.position;
    blockEnd = state.blockEnd;
    bufferEnd = state.bufferEnd;
    System.arraycopy(state.buffer, 0, buffer, 0, state.buffer.length);
    work = state.work;
    workOffset = state.workOffset;
    workLength = state.workLength;
    due = state.due;
    if (work == Work.PAUSE) {
      hostOk = true;
      event = events.at(due, name, this::endWork);
    } else if (work != Work.NONE) {
      submit();
    }
  }

  /**
   * Writes {@code text} padded with spaces into words of IDENTIFY, first character in bits 15-8.
   */
  final void putText(int word, int words, String text) {
    for (int i = 0; i < 2 * words; i++) {
      char c = i < text.length() ? text.charAt(i) : ' ';
      buffer[2 * word + (i ^ 1)] = (byte) c;
    }
  }

  /** Sets a word of IDENTIFY. */
  final void putWord(int word, int value) {
    buffer[2 * word] = (byte) value;
    buffer[2 * word + 1] = (byte) (value >>> 8);
  }

  /** Sets word 255: a signature and a sum that makes all 512 bytes add up to 0. */
  final void putIntegrityWord() {
    buffer[510] = (byte) 0xA5;
    buffer[511] = 0;
    int sum = 0;
    for (int i = 0; i < 512; i++) {
      sum += buffer[i];
    }
    buffer[511] = (byte) -sum;
  }
}
