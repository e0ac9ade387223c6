package io.satchel.vm.device;

import io.satchel.vm.host.DiskBackend;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A CD-ROM drive on an ATA cable: the PACKET feature set (ATA/ATAPI-6, clause 9.8; the registers
 * are those of {@link AtaUnit}) with the commands of SFF-8020i and MMC-3. A medium is one data
 * track of 2,048-byte sectors.
 *
 * <pre>
 * ATA     08h DEVICE RESET      90h DIAGNOSTIC (controller)  A0h PACKET   A1h IDENTIFY PACKET DEVICE
 *         94h-99h/E0h-E6h power EFh SET FEATURES             ECh, 20h     abort, with the signature
 * PACKET  00h TEST UNIT READY   03h REQUEST SENSE     12h INQUIRY         1Bh START STOP UNIT
 *         1Eh PREVENT ALLOW     15h/55h MODE SELECT   1Ah/5Ah MODE SENSE  25h READ CAPACITY
 *         28h/A8h READ          2Bh SEEK              42h READ SUB-CHANNEL  43h READ TOC
 *         44h READ HEADER       46h GET CONFIGURATION 4Ah GET EVENT STATUS  4Eh STOP PLAY
 *         51h READ DISC INFORMATION  B9h/BEh READ CD  BBh SET CD SPEED    BDh MECHANISM STATUS
 * </pre>
 *
 * <p>A medium change makes the next command that asks for the medium fail with UNIT ATTENTION 28h,
 * "medium may have changed"; that is how every driver notices.
 */
public final class AtapiDrive extends AtaUnit implements Device<AtapiDrive.State> {

  private static final int BLOCK = 2048;
  private static final int RAW_BLOCK = 2352;
  private static final int RAW_HEADER = 16;
  private static final int PACKET_LENGTH = 12;

  /** The largest even number of bytes that a DRQ block can have. */
  private static final int MAX_BYTE_COUNT = 0xFFFE;

  /** Above it, a medium passes for a DVD: 99 minutes of a CD, in blocks. */
  private static final long LARGEST_CD = 99 * 60 * 75L;

  /** MSF addresses begin two seconds before block 0. */
  private static final int MSF_OFFSET = 150;

  // Interrupt reason, in the sector count register.
  private static final int REASON_COMMAND = 0x01;
  private static final int REASON_TO_HOST = 0x02;

  // Sense keys.
  private static final int NO_SENSE = 0x0;
  private static final int NOT_READY = 0x2;
  private static final int MEDIUM_ERROR = 0x3;
  private static final int ILLEGAL_REQUEST = 0x5;
  private static final int UNIT_ATTENTION = 0x6;

  // Additional sense codes, with the qualifier in the low byte.
  private static final int INVALID_COMMAND = 0x2000;
  private static final int OUT_OF_RANGE = 0x2100;
  private static final int INVALID_FIELD = 0x2400;
  private static final int INVALID_PARAMETER = 0x2600;
  private static final int MEDIUM_CHANGED = 0x2800;
  private static final int POWER_ON = 0x2900;
  private static final int NO_MEDIUM_CLOSED = 0x3A01;
  private static final int NO_MEDIUM_OPEN = 0x3A02;
  private static final int UNRECOVERED_READ = 0x1100;
  private static final int REMOVAL_PREVENTED = 0x5302;
  private static final int ILLEGAL_MODE_FOR_TRACK = 0x6400;

  // Media events of GET EVENT STATUS NOTIFICATION.
  private static final int EVENT_NONE = 0;
  private static final int EVENT_NEW_MEDIA = 2;
  private static final int EVENT_REMOVAL = 3;

  private static final int PROFILE_NONE = 0x0000;
  private static final int PROFILE_CD_ROM = 0x0008;
  private static final int PROFILE_DVD_ROM = 0x0010;

  private static final int MODE_PAGE_ERROR = 0x01;
  private static final int MODE_PAGE_AUDIO = 0x0E;
  private static final int MODE_PAGE_CAPABILITIES = 0x2A;
  private static final int MODE_PAGE_ALL = 0x3F;

  /** KB a second of a drive of 32 times the first drives' speed. */
  private static final int SPEED = 176 * 32;

  /** What a command is doing with the buffer. */
  public enum Transfer {
    NONE,
    /** The 12 bytes of the packet come in. */
    PACKET,
    /** The buffer holds all that goes to the host. */
    ANSWER,
    /** The buffer holds a part of a read. */
    READ,
    /** A mode parameter list comes in. */
    PARAMETERS,
    /** IDENTIFY's answer, which is not a packet's: its end raises no interrupt. */
    IDENTIFY,
    /** A packet without data, or after them, whose time passes. */
    STATUS,
    /** An ATA command without data, whose time passes. */
    SHORT
  }

  /**
   * @param packet the command
   * @param byteCountLimit of a DRQ block
   * @param block where a read goes on
   * @param remaining blocks of it, those in the buffer included
   * @param chunk blocks in the buffer
   * @param raw bits of a READ CD: 1 sync, 2 header, 4 user data, 8 EDC and ECC
   * @param senseKey what REQUEST SENSE will say
   * @param attention the additional sense code of a pending unit attention, or 0
   * @param mediaEvent not yet fetched by GET EVENT STATUS NOTIFICATION
   * @param errorRecovery mode page 01h, its two writable bytes
   * @param audio mode page 0Eh without its header
   * @param ejected whether the guest has opened the tray over a medium that the host still offers
   */
  public record State(
      Registers registers,
      Transfer transfer,
      byte[] packet,
      boolean dma,
      int byteCountLimit,
      long block,
      int remaining,
      int chunk,
      int raw,
      int senseKey,
      int senseCode,
      int attention,
      int mediaEvent,
      boolean locked,
      boolean trayOpen,
      boolean ejected,
      int transferMode,
      int errorRecovery,
      byte[] audio) {}

  private final String serial;
  private @Nullable DiskBackend disc;
  private Runnable ejectListener = () -> {};

  private Transfer transfer = Transfer.NONE;
  private final byte[] packet = new byte[PACKET_LENGTH];
  private boolean dma;
  private int byteCountLimit;
  private long block;
  private int remaining;
  private int chunk;
  private int raw;
  private int senseKey;
  private int senseCode;
  private int attention;
  private int mediaEvent;
  private boolean locked;
  private boolean trayOpen;
  private boolean ejected;
  private int transferMode;
  private int errorRecovery;
  private final byte[] audio = new byte[14];

  /**
   * An empty drive, its tray closed.
   *
   * @param name unique in the machine, such as {@code ide1-master}
   * @param serial up to 20 characters of ASCII
   */
  public AtapiDrive(String name, Board board, Timing timing, String serial) {
    super(name, board.events(), board.clock(), timing);
    this.serial = serial;
    reset();
  }

  /**
   * Puts a disc in, or takes it out with {@code null}; also past a lock, as a pin through the hole
   * in the front does. The caller closes what was in.
   */
  public void insert(@Nullable DiskBackend newDisc) {
    boolean reading = transfer == Transfer.READ;
    disc = newDisc;
    ejected = false;
    if (newDisc == null) {
      // A tray that the guest has opened stays open.
      mediaEvent = EVENT_REMOVAL;
    } else {
      trayOpen = false;
      mediaEvent = EVENT_NEW_MEDIA;
      attention = MEDIUM_CHANGED;
    }
    if (reading) {
      cancelWork();
      check(NOT_READY, NO_MEDIUM_CLOSED);
    }
  }

  /** {@code listener} is told when the guest opens the tray over a disc. */
  public void onEject(Runnable listener) {
    ejectListener = listener;
  }

  /** Whether the guest has locked the tray. */
  public boolean locked() {
    return locked;
  }

  @Override
  @Nullable DiskBackend medium() {
    return ejected ? null : disc;
  }

  private boolean ready() {
    return disc != null && !ejected && !trayOpen;
  }

  private long blocks() {
    DiskBackend medium = medium();
    return medium == null ? 0 : Math.min(medium.size() / BLOCK, 0xFFFF_FFFFL);
  }

  @Override
  public void reset() {
    Arrays.fill(packet, (byte) 0);
    senseKey = NO_SENSE;
    senseCode = 0;
    attention = POWER_ON;
    mediaEvent = disc == null ? EVENT_NONE : EVENT_NEW_MEDIA;
    locked = false;
    trayOpen = false;
    ejected = false;
    transferMode = 0;
    errorRecovery = 0;
    Arrays.fill(audio, (byte) 0);
    audio[0] = 4; // immediate
    audio[5] = 75; // blocks a second
    audio[6] = 1; // port 0 plays channel 0
    audio[7] = (byte) 0xFF;
    audio[8] = 2; // port 1 plays channel 1
    audio[9] = (byte) 0xFF;
    resetRegisters();
  }

  @Override
  void forgetCommand() {
    transfer = Transfer.NONE;
  }

  /** ATA/ATAPI-6, 9.12: a device with the PACKET feature set, not ready until its first command. */
  @Override
  void putSignature() {
    count = 1;
    low = 1;
    mid = 0x14;
    high = 0xEB;
    status = 0;
  }

  @Override
  boolean takesWhileBusy(int command) {
    return command == 0x08;
  }

  // ATA commands

  @Override
  void execute(int command) {
    switch (command) {
      case 0x08 -> {
        error = DIAGNOSTIC_PASSED;
        putSignature();
      }
      case 0xA0 -> acceptPacket();
      case 0xA1 -> {
        identify();
        transfer = Transfer.IDENTIFY;
        dma = false;
        byteCountLimit = 512;
        bufferEnd = 512;
        begin(Work.PAUSE, 0, 0);
      }
      case 0x20, 0xEC -> {
        putSignature();
        fail(ERROR_ABRT);
      }
      case 0x94, 0x95, 0x96, 0x97, 0x99, 0xE0, 0xE1, 0xE2, 0xE3, 0xE6 -> shortCommand();
      case 0x98, 0xE5 -> {
        count = 0xFF;
        shortCommand();
      }
      case 0xEF -> {
        if (features == 0x03) {
          if (count >= 0x20) {
            transferMode = count;
          }
          shortCommand();
        } else if (features == 0x66 || features == 0xCC) {
          shortCommand();
        } else {
          fail(ERROR_ABRT);
        }
      }
      default -> fail(ERROR_ABRT);
    }
  }

  private void shortCommand() {
    transfer = Transfer.SHORT;
    begin(Work.PAUSE, 0, 0);
  }

  private void acceptPacket() {
    transfer = Transfer.PACKET;
    dma = (features & 1) != 0;
    byteCountLimit = high << 8 | mid;
    if (byteCountLimit == 0 || byteCountLimit == 0xFFFF) {
      byteCountLimit = MAX_BYTE_COUNT;
    } else if (byteCountLimit > 1) {
      byteCountLimit &= ~1;
    }
    count = REASON_COMMAND;
    position = 0;
    bufferEnd = PACKET_LENGTH;
    pio(Phase.PIO_OUT, PACKET_LENGTH);
  }

  @Override
  void blockWritten() {
    if (transfer == Transfer.PACKET) {
      System.arraycopy(buffer, 0, packet, 0, PACKET_LENGTH);
      transfer = Transfer.NONE;
      executePacket();
    } else if (position < bufferEnd) {
      offerBlock(Phase.PIO_OUT);
    } else {
      selectMode();
    }
  }

  @Override
  void blockRead() {
    if (position < bufferEnd) {
      offerBlock(Phase.PIO_IN);
    } else if (transfer == Transfer.READ) {
      chunkMoved();
    } else if (transfer == Transfer.IDENTIFY) {
      transfer = Transfer.NONE;
      phase = Phase.IDLE;
      status = STATUS_DRDY | STATUS_DSC;
    } else {
      good();
    }
  }

  @Override
  void dmaDone() {
    if (transfer == Transfer.READ) {
      chunkMoved();
    } else if (phase == Phase.DMA_OUT) {
      selectMode();
    } else {
      good();
    }
  }

  @Override
  void workDone(Work done, boolean ok) {
    switch (transfer) {
      case READ -> {
        if (ok) {
          spreadRaw();
          offer();
        } else if (ready()) {
          check(MEDIUM_ERROR, UNRECOVERED_READ);
        } else {
          check(NOT_READY, noMedium());
        }
      }
      case ANSWER, IDENTIFY -> offer();
      case SHORT -> {
        transfer = Transfer.NONE;
        finish();
      }
      default -> good();
    }
  }

  /** The buffer's {@code bufferEnd} bytes are ready for the host. */
  private void offer() {
    position = 0;
    if (dma) {
      dma(Phase.DMA_IN, bufferEnd);
    } else {
      offerBlock(Phase.PIO_IN);
    }
  }

  /** A DRQ block: its length in the byte count registers, its direction in the reason. */
  private void offerBlock(Phase direction) {
    int length = Math.min(byteCountLimit, bufferEnd - position);
    if (transfer != Transfer.IDENTIFY) {
      count = direction == Phase.PIO_IN ? REASON_TO_HOST : 0;
      mid = length & 0xFF;
      high = length >> 8;
    }
    pio(direction, length);
    setInterrupt(true);
  }

  // Packets

  private int u8(int at) {
    return packet[at] & 0xFF;
  }

  private int u16(int at) {
    return u8(at) << 8 | u8(at + 1);
  }

  private long u32(int at) {
    return (long) u16(at) << 16 | u16(at + 2);
  }

  private void executePacket() {
    int operation = u8(0);
    if (attention != 0 && reportsAttention(operation)) {
      int code = attention;
      attention = 0;
      check(UNIT_ATTENTION, code);
      return;
    }
    if (needsMedium(operation) && !ready()) {
      check(NOT_READY, noMedium());
      return;
    }
    if (operation != 0x03) {
      senseKey = NO_SENSE;
      senseCode = 0;
    }
    switch (operation) {
      case 0x00, 0x2B, 0x4E, 0xBB -> quick();
      case 0x03 -> requestSense();
      case 0x12 -> inquiry();
      case 0x15 -> acceptParameters(u8(4));
      case 0x55 -> acceptParameters(u16(7));
      case 0x1A -> modeSense(u8(4), false);
      case 0x5A -> modeSense(u16(7), true);
      case 0x1B -> startStop();
      case 0x1E -> {
        locked = (u8(4) & 1) != 0;
        quick();
      }
      case 0x25 -> {
        clear(8);
        put32(0, blocks() - 1);
        put32(4, BLOCK);
        answer(8, 8);
      }
      case 0x28 -> read(u32(2), u16(7), 4);
      case 0xA8 -> read(u32(2), u32(6), 4);
      case 0xBE -> readCd(u32(2), u8(6) << 16 | u16(7));
      case 0xB9 -> {
        long first = fromMsf(3);
        readCd(first, fromMsf(6) - first);
      }
      case 0x42 -> readSubChannel();
      case 0x43 -> readToc();
      case 0x44 -> {
        clear(8);
        buffer[0] = 1; // mode 1
        putAddress(4, u32(2), (u8(1) & 2) != 0);
        answer(8, u16(7));
      }
      case 0x46 -> getConfiguration();
      case 0x4A -> getEventStatus();
      case 0x51 -> readDiscInformation();
      case 0xBD -> {
        clear(8);
        buffer[1] = (byte) (trayOpen ? 0x10 : 0);
        answer(8, u16(8));
      }
      case 0x45, 0x47, 0x48, 0xA5 -> check(ILLEGAL_REQUEST, ILLEGAL_MODE_FOR_TRACK);
      default -> check(ILLEGAL_REQUEST, INVALID_COMMAND);
    }
  }

  /** All do but INQUIRY, REQUEST SENSE, GET CONFIGURATION and GET EVENT STATUS (MMC-3, 5.1). */
  private static boolean reportsAttention(int operation) {
    return switch (operation) {
      case 0x03, 0x12, 0x46, 0x4A -> false;
      default -> true;
    };
  }

  private static boolean needsMedium(int operation) {
    return switch (operation) {
      case 0x00,
          0x25,
          0x28,
          0x2B,
          0x42,
          0x43,
          0x44,
          0x45,
          0x47,
          0x48,
          0x51,
          0xA5,
          0xA8,
          0xB9,
          0xBE ->
          true;
      default -> false;
    };
  }

  private int noMedium() {
    return trayOpen ? NO_MEDIUM_OPEN : NO_MEDIUM_CLOSED;
  }

  private void quick() {
    transfer = Transfer.STATUS;
    begin(Work.PAUSE, 0, 0);
  }

  /** GOOD status. */
  private void good() {
    transfer = Transfer.NONE;
    count = REASON_COMMAND | REASON_TO_HOST;
    finish();
  }

  /** CHECK CONDITION: the sense key goes into the error register's high half. */
  private void check(int key, int code) {
    senseKey = key;
    senseCode = code;
    transfer = Transfer.NONE;
    count = REASON_COMMAND | REASON_TO_HOST;
    fail(key << 4 | (key == ILLEGAL_REQUEST || key == UNIT_ATTENTION ? ERROR_ABRT : 0));
  }

  // Answers

  private void clear(int length) {
    Arrays.fill(buffer, 0, length, (byte) 0);
  }

  private void put16(int at, int value) {
    buffer[at] = (byte) (value >>> 8);
    buffer[at + 1] = (byte) value;
  }

  private void put32(int at, long value) {
    put16(at, (int) (value >>> 16));
    put16(at + 2, (int) value);
  }

  /** A block address, or the same as minute, second and frame. */
  private void putAddress(int at, long address, boolean msf) {
    if (!msf) {
      put32(at, address);
      return;
    }
    long frames = address + MSF_OFFSET;
    buffer[at] = 0;
    buffer[at + 1] = (byte) (frames / (75 * 60));
    buffer[at + 2] = (byte) (frames / 75 % 60);
    buffer[at + 3] = (byte) (frames % 75);
  }

  private long fromMsf(int at) {
    return (u8(at) * 60L + u8(at + 1)) * 75 + u8(at + 2) - MSF_OFFSET;
  }

  /** Sends as much of the {@code length} bytes as the command allows. */
  private void answer(int length, int allowed) {
    int sent = Math.min(length, allowed);
    if (sent == 0) {
      quick();
      return;
    }
    transfer = Transfer.ANSWER;
    bufferEnd = sent;
    begin(Work.PAUSE, 0, 0);
  }

  private void requestSense() {
    clear(18);
    buffer[0] = 0x70; // current error
    int key = senseKey;
    int code = senseCode;
    if (key == NO_SENSE && attention != 0) {
      key = UNIT_ATTENTION;
      code = attention;
      attention = 0;
    }
    buffer[2] = (byte) key;
    buffer[7] = 10;
    put16(12, code);
    senseKey = NO_SENSE;
    senseCode = 0;
    answer(18, u8(4));
  }

  private void inquiry() {
    if ((u8(1) & 1) != 0) {
      check(ILLEGAL_REQUEST, INVALID_FIELD);
      return;
    }
    clear(36);
    buffer[0] = 0x05; // CD-ROM
    buffer[1] = (byte) 0x80; // removable
    buffer[3] = 0x21; // ATAPI version 2, response format 1
    buffer[4] = 31;
    putAscii(8, 8, "SATCHEL");
    putAscii(16, 16, "CD-ROM");
    putAscii(32, 4, "0.1");
    answer(36, u8(4));
  }

  private void putAscii(int at, int length, String text) {
    for (int i = 0; i < length; i++) {
      buffer[at + i] = (byte) (i < text.length() ? text.charAt(i) : ' ');
    }
  }

  // Reading

  private void read(long first, long wanted, int parts) {
    if (wanted < 0 || first < 0 || first + wanted > blocks()) {
      check(ILLEGAL_REQUEST, OUT_OF_RANGE);
    } else if (wanted == 0) {
      quick();
    } else {
      transfer = Transfer.READ;
      raw = parts;
      block = first;
      remaining = (int) Math.min(wanted, Integer.MAX_VALUE);
      nextRead();
    }
  }

  private void readCd(long first, long wanted) {
    int type = u8(1) >> 2 & 7;
    if (type != 0 && type != 2) {
      // Audio and mode 2: there is no such track.
      check(ILLEGAL_REQUEST, ILLEGAL_MODE_FOR_TRACK);
      return;
    }
    int flags = u8(9);
    int parts = (flags & 0x80) >> 7 | (flags & 0x20) >> 4 | (flags & 0x10) >> 2 | flags & 0x08;
    if (parts == 0) {
      quick();
    } else if ((parts & 4) == 0) {
      // Sync or headers alone: no driver asks for them.
      check(ILLEGAL_REQUEST, INVALID_FIELD);
    } else {
      read(first, wanted, parts);
    }
  }

  private int blockLength() {
    return ((raw & 1) != 0 ? 12 : 0)
        + ((raw & 2) != 0 ? 4 : 0)
        + ((raw & 4) != 0 ? BLOCK : 0)
        + ((raw & 8) != 0 ? RAW_BLOCK - RAW_HEADER - BLOCK : 0);
  }

  private void nextRead() {
    chunk = Math.min(remaining, BUFFER_SIZE / RAW_BLOCK);
    if (raw == 4) {
      chunk = Math.min(remaining, BUFFER_SIZE / BLOCK);
    }
    bufferEnd = chunk * BLOCK;
    begin(Work.READ, block * BLOCK, (long) chunk * BLOCK);
  }

  /** Puts what surrounds the user data of a raw sector around it; from the last one, in place. */
  private void spreadRaw() {
    if (raw == 4) {
      return;
    }
    int length = blockLength();
    for (int i = chunk - 1; i >= 0; i--) {
      int at = i * length;
      int user = at + ((raw & 1) != 0 ? 12 : 0) + ((raw & 2) != 0 ? 4 : 0);
      System.arraycopy(buffer, i * BLOCK, buffer, user, BLOCK);
      Arrays.fill(buffer, user + BLOCK, at + length, (byte) 0);
    }
    // Only when all user data are in place: a header may lie where another's data were.
    for (int i = 0; i < chunk; i++) {
      int at = i * length;
      if ((raw & 1) != 0) {
        Arrays.fill(buffer, at, at + 12, (byte) 0xFF);
        buffer[at] = 0;
        buffer[at + 11] = 0;
        at += 12;
      }
      if ((raw & 2) != 0) {
        long frames = block + i + MSF_OFFSET;
        buffer[at] = bcd(frames / (75 * 60));
        buffer[at + 1] = bcd(frames / 75 % 60);
        buffer[at + 2] = bcd(frames % 75);
        buffer[at + 3] = 1; // mode 1
      }
    }
    bufferEnd = chunk * length;
  }

  private static byte bcd(long value) {
    return (byte) (value / 10 << 4 | value % 10);
  }

  private void chunkMoved() {
    block += chunk;
    remaining -= chunk;
    if (remaining == 0) {
      good();
    } else {
      nextRead();
    }
  }

  // The medium's description

  private void readToc() {
    boolean msf = (u8(1) & 2) != 0;
    int format = u8(2) & 0xF;
    if (format == 0) {
      format = u8(9) >> 6; // SFF-8020i has it there
    }
    int start = u8(6);
    switch (format) {
      case 0 -> tracks(msf, start);
      case 1 -> {
        clear(12);
        buffer[1] = 10;
        buffer[2] = 1;
        buffer[3] = 1;
        buffer[5] = 0x14; // data track
        buffer[6] = 1;
        putAddress(8, 0, msf);
        answer(12, u16(7));
      }
      case 2 -> fullToc();
      default -> check(ILLEGAL_REQUEST, INVALID_FIELD);
    }
  }

  private void tracks(boolean msf, int start) {
    if (start > 1 && start != 0xAA) {
      check(ILLEGAL_REQUEST, INVALID_FIELD);
      return;
    }
    clear(20);
    int at = 4;
    if (start <= 1) {
      buffer[at + 1] = 0x14;
      buffer[at + 2] = 1;
      putAddress(at + 4, 0, msf);
      at += 8;
    }
    buffer[at + 1] = 0x14;
    buffer[at + 2] = (byte) 0xAA; // lead-out
    putAddress(at + 4, blocks(), msf);
    at += 8;
    put16(0, at - 2);
    buffer[2] = 1;
    buffer[3] = 1;
    answer(at, u16(7));
  }

  /** The lead-in's entries: points A0h, A1h, A2h and track 1. */
  private void fullToc() {
    clear(48);
    put16(0, 46);
    buffer[2] = 1;
    buffer[3] = 1;
    int[] points = {0xA0, 0xA1, 0xA2, 1};
    for (int i = 0; i < 4; i++) {
      int at = 4 + 11 * i;
      buffer[at] = 1; // session
      buffer[at + 1] = 0x14;
      buffer[at + 3] = (byte) points[i];
      switch (points[i]) {
        case 0xA0, 0xA1 -> buffer[at + 8] = 1; // first and last track
        case 0xA2 -> putPoint(at, blocks());
        default -> putPoint(at, 0);
      }
    }
    answer(48, u16(7));
  }

  private void putPoint(int at, long address) {
    long frames = address + MSF_OFFSET;
    buffer[at + 8] = (byte) (frames / (75 * 60));
    buffer[at + 9] = (byte) (frames / 75 % 60);
    buffer[at + 10] = (byte) (frames % 75);
  }

  private void readSubChannel() {
    int format = u8(3);
    boolean wanted = (u8(2) & 0x40) != 0;
    if (wanted && (format == 0 || format > 3)) {
      check(ILLEGAL_REQUEST, INVALID_FIELD);
      return;
    }
    int length = !wanted ? 4 : format == 1 ? 16 : 24;
    clear(length);
    buffer[1] = 0x15; // no audio status
    put16(2, length - 4);
    if (wanted) {
      buffer[4] = (byte) format;
      if (format == 1) {
        buffer[5] = 0x14;
        buffer[6] = 1;
        buffer[7] = 1;
        putAddress(8, block, (u8(1) & 2) != 0);
        putAddress(12, block, (u8(1) & 2) != 0);
      }
    }
    answer(length, u16(7));
  }

  private void readDiscInformation() {
    clear(34);
    put16(0, 32);
    buffer[2] = 0x0E; // last session complete, disc finalized
    buffer[3] = 1; // first track
    buffer[4] = 1; // sessions
    buffer[5] = 1; // first and last track of the last session
    buffer[6] = 1;
    buffer[7] = 0x20; // unrestricted use
    Arrays.fill(buffer, 17, 24, (byte) 0xFF); // nothing can be added
    buffer[16] = (byte) 0xFF;
    answer(34, u16(7));
  }

  private int profile() {
    if (!ready()) {
      return PROFILE_NONE;
    }
    return blocks() > LARGEST_CD ? PROFILE_DVD_ROM : PROFILE_CD_ROM;
  }

  /** MMC-3, 6.6: features that are asked for, in order of their codes. */
  private void getConfiguration() {
    int type = u8(1) & 3;
    int start = u16(2);
    if (type == 3) {
      check(ILLEGAL_REQUEST, INVALID_FIELD);
      return;
    }
    int profile = profile();
    clear(96);
    put16(6, profile);
    int at = 8;
    for (int feature : FEATURES) {
      boolean current = isCurrent(feature, profile);
      boolean asked = type == 2 ? feature == start : feature >= start;
      if (!asked || type == 1 && !current) {
        continue;
      }
      at = putFeature(at, feature, current, profile);
    }
    put32(0, at - 4);
    answer(at, u16(7));
  }

  private static final int FEATURE_PROFILES = 0x0000;
  private static final int FEATURE_CORE = 0x0001;
  private static final int FEATURE_MORPHING = 0x0002;
  private static final int FEATURE_REMOVABLE = 0x0003;
  private static final int FEATURE_RANDOM_READ = 0x0010;
  private static final int FEATURE_CD_READ = 0x001E;
  private static final int FEATURE_DVD_READ = 0x001F;
  private static final int[] FEATURES = {
    FEATURE_PROFILES,
    FEATURE_CORE,
    FEATURE_MORPHING,
    FEATURE_REMOVABLE,
    FEATURE_RANDOM_READ,
    FEATURE_CD_READ,
    FEATURE_DVD_READ
  };

  private static boolean isCurrent(int feature, int profile) {
    return switch (feature) {
      case FEATURE_RANDOM_READ -> profile != PROFILE_NONE;
      case FEATURE_CD_READ -> profile == PROFILE_CD_ROM;
      case FEATURE_DVD_READ -> profile == PROFILE_DVD_ROM;
      default -> true;
    };
  }

  private int putFeature(int at, int feature, boolean current, int profile) {
    int version = feature == FEATURE_CORE || feature == FEATURE_MORPHING ? 1 : 0;
    boolean persistent = feature <= FEATURE_REMOVABLE;
    put16(at, feature);
    buffer[at + 2] = (byte) (version << 2 | (persistent ? 2 : 0) | (current ? 1 : 0));
    int data = at + 4;
    int length =
        switch (feature) {
          case FEATURE_PROFILES -> {
            put16(data, PROFILE_DVD_ROM);
            buffer[data + 2] = (byte) (profile == PROFILE_DVD_ROM ? 1 : 0);
            put16(data + 4, PROFILE_CD_ROM);
            buffer[data + 6] = (byte) (profile == PROFILE_CD_ROM ? 1 : 0);
            yield 8;
          }
          case FEATURE_CORE -> {
            put32(data, 2); // ATAPI
            buffer[data + 4] = 1; // device busy events
            yield 8;
          }
          case FEATURE_MORPHING -> {
            buffer[data] = 2; // operational change events
            yield 4;
          }
          case FEATURE_REMOVABLE -> {
            buffer[data] = 0x29; // a tray that locks and ejects
            yield 4;
          }
          case FEATURE_RANDOM_READ -> {
            put32(data, BLOCK);
            put16(data + 4, 1);
            yield 8;
          }
          case FEATURE_CD_READ -> 4;
          default -> 0;
        };
    buffer[at + 3] = (byte) length;
    return data + length;
  }

  private void getEventStatus() {
    if ((u8(1) & 1) == 0) {
      // Only polled operation is offered.
      check(ILLEGAL_REQUEST, INVALID_FIELD);
      return;
    }
    clear(8);
    buffer[3] = 0x10; // the class "media" is supported
    if ((u8(4) & 0x10) == 0) {
      put16(0, 2);
      buffer[2] = (byte) 0x80; // no event available
      answer(4, u16(7));
      return;
    }
    put16(0, 6);
    buffer[2] = 4;
    buffer[4] = (byte) mediaEvent;
    buffer[5] = (byte) ((trayOpen ? 1 : 0) | (ready() ? 2 : 0));
    mediaEvent = EVENT_NONE;
    answer(8, u16(7));
  }

  // Tray

  private void startStop() {
    boolean loadEject = (u8(4) & 2) != 0;
    boolean start = (u8(4) & 1) != 0;
    if (loadEject && !start) {
      if (locked) {
        check(ready() ? ILLEGAL_REQUEST : NOT_READY, REMOVAL_PREVENTED);
        return;
      }
      eject();
    } else if (loadEject && trayOpen) {
      load();
    }
    quick();
  }

  private void eject() {
    if (trayOpen) {
      return;
    }
    trayOpen = true;
    if (disc != null) {
      ejected = true;
      mediaEvent = EVENT_REMOVAL;
      ejectListener.run();
    }
  }

  private void load() {
    trayOpen = false;
    ejected = false;
    if (disc != null) {
      mediaEvent = EVENT_NEW_MEDIA;
      attention = MEDIUM_CHANGED;
    }
  }

  // Mode pages

  private void modeSense(int allowed, boolean long10) {
    int page = u8(2) & 0x3F;
    int control = u8(2) >> 6;
    if (control == 3) {
      check(ILLEGAL_REQUEST, 0x3900); // saving is not supported
      return;
    }
    boolean changeable = control == 1;
    int at = long10 ? 8 : 4;
    clear(96);
    int header = at;
    if (page == MODE_PAGE_ERROR || page == MODE_PAGE_ALL) {
      buffer[at] = MODE_PAGE_ERROR;
      buffer[at + 1] = 6;
      buffer[at + 2] = (byte) (changeable ? 0xFF : errorRecovery >> 8);
      buffer[at + 3] = (byte) (changeable ? 0xFF : errorRecovery);
      at += 8;
    }
    if (page == MODE_PAGE_AUDIO || page == MODE_PAGE_ALL) {
      buffer[at] = MODE_PAGE_AUDIO;
      buffer[at + 1] = 14;
      if (changeable) {
        Arrays.fill(buffer, at + 8, at + 16, (byte) 0xFF);
      } else {
        System.arraycopy(audio, 0, buffer, at + 2, 14);
      }
      at += 16;
    }
    if (page == MODE_PAGE_CAPABILITIES || page == MODE_PAGE_ALL) {
      at = capabilities(at, changeable);
    }
    if (at == header) {
      check(ILLEGAL_REQUEST, INVALID_FIELD);
      return;
    }
    // Medium type: 70h door closed without a disc, 71h door open, 01h a data disc.
    int type = ready() ? 0x01 : trayOpen ? 0x71 : 0x70;
    if (long10) {
      put16(0, at - 2);
      buffer[2] = (byte) type;
    } else {
      buffer[0] = (byte) (at - 1);
      buffer[1] = (byte) type;
    }
    answer(at, allowed);
  }

  private int capabilities(int at, boolean changeable) {
    buffer[at] = MODE_PAGE_CAPABILITIES;
    buffer[at + 1] = 20;
    if (!changeable) {
      buffer[at + 2] = 0x3B; // reads CD-R, CD-RW, method 2, DVD-ROM, DVD-R
      buffer[at + 4] = 0x70; // mode 2 forms 1 and 2, multiple sessions
      buffer[at + 5] = 0;
      buffer[at + 6] = (byte) (0x29 | (locked ? 2 : 0)); // tray, ejects, locks
      put16(at + 8, SPEED);
      put16(at + 10, 2); // volume levels
      put16(at + 12, BUFFER_SIZE / 1024);
      put16(at + 14, SPEED);
    }
    return at + 22;
  }

  private void acceptParameters(int length) {
    if (length == 0) {
      quick();
      return;
    }
    transfer = Transfer.PARAMETERS;
    position = 0;
    bufferEnd = Math.min(length, BUFFER_SIZE);
    if (dma) {
      dma(Phase.DMA_OUT, bufferEnd);
    } else {
      offerBlock(Phase.PIO_OUT);
    }
  }

  private void selectMode() {
    boolean long10 = u8(0) == 0x55;
    int at = long10 ? 8 : 4;
    if (bufferEnd >= at) {
      // Block descriptors, which this drive has none of, may stand between header and pages.
      at += long10 ? (buffer[6] & 0xFF) << 8 | buffer[7] & 0xFF : buffer[3] & 0xFF;
    }
    while (at + 2 <= bufferEnd) {
      int page = buffer[at] & 0x3F;
      int length = buffer[at + 1] & 0xFF;
      if (at + 2 + length > bufferEnd) {
        check(ILLEGAL_REQUEST, INVALID_PARAMETER);
        return;
      }
      if (page == MODE_PAGE_ERROR && length >= 2) {
        errorRecovery = (buffer[at + 2] & 0xFF) << 8 | buffer[at + 3] & 0xFF;
      } else if (page == MODE_PAGE_AUDIO && length == 14) {
        System.arraycopy(buffer, at + 8, audio, 6, 8);
      } else if (page != MODE_PAGE_CAPABILITIES) {
        check(ILLEGAL_REQUEST, INVALID_PARAMETER);
        return;
      }
      at += 2 + length;
    }
    quick();
  }

  // IDENTIFY PACKET DEVICE (ATA/ATAPI-6, 8.16)

  private void identify() {
    Arrays.fill(buffer, 0, 512, (byte) 0);
    putWord(0, 0x85C0); // ATAPI, CD-ROM, removable, DRQ within 50 us, 12-byte packets
    putText(10, 10, serial);
    putWord(20, 3);
    putWord(21, BUFFER_SECTORS);
    putText(23, 4, "0.1");
    putText(27, 20, "SATCHEL CD-ROM");
    putWord(48, 1); // 32-bit data port
    putWord(49, 0x0F00); // IORDY (can be disabled), LBA, DMA
    putWord(50, 0x4000);
    putWord(51, 0x0200);
    putWord(52, 0x0200);
    putWord(53, 0x0006);
    putWord(63, modes(0x20, 2));
    putWord(64, 0x0003);
    for (int word = 65; word <= 68; word++) {
      putWord(word, 120);
    }
    putWord(80, 0x007E);
    putWord(82, 0x4218); // NOP, DEVICE RESET, PACKET, power management
    putWord(83, 0x4000);
    putWord(84, 0x4000);
    putWord(85, 0x4218);
    putWord(87, 0x4000);
    putWord(88, modes(0x40, 2));
    putWord(93, (device & DEVICE_DEV) != 0 ? 0x6300 : 0x600B);
    putIntegrityWord();
  }

  private int modes(int base, int highest) {
    int supported = (1 << (highest + 1)) - 1;
    int selected = transferMode - base;
    return selected >= 0 && selected <= highest ? supported | 0x100 << selected : supported;
  }

  // State

  @Override
  public State state() {
    return new State(
        registers(),
        transfer,
        packet.clone(),
        dma,
        byteCountLimit,
        block,
        remaining,
        chunk,
        raw,
        senseKey,
        senseCode,
        attention,
        mediaEvent,
        locked,
        trayOpen,
        ejected,
        transferMode,
        errorRecovery,
        audio.clone());
  }

  @Override
  public void restore(State state) {
    transfer = state.transfer;
    System.arraycopy(state.packet, 0, packet, 0, PACKET_LENGTH);
    dma = state.dma;
    byteCountLimit = state.byteCountLimit;
    block = state.block;
    remaining = state.remaining;
    chunk = state.chunk;
    raw = state.raw;
    senseKey = state.senseKey;
    senseCode = state.senseCode;
    attention = state.attention;
    mediaEvent = state.mediaEvent;
    locked = state.locked;
    trayOpen = state.trayOpen;
    ejected = state.ejected;
    transferMode = state.transferMode;
    errorRecovery = state.errorRecovery;
    System.arraycopy(state.audio, 0, audio, 0, audio.length);
    restoreRegisters(state.registers);
  }
}
