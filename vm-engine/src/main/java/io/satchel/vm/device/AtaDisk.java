package io.satchel.vm.device;

import io.satchel.vm.host.DiskBackend;
import java.util.Arrays;

/**
 * A hard disk on an ATA cable (ATA/ATAPI-6, T13 1410D; the registers are those of {@link AtaUnit}).
 *
 * <pre>
 * 06h DATA SET MANAGEMENT      20h/21h READ SECTORS       24h EXT    25h READ DMA EXT
 * 10h-1Fh RECALIBRATE          30h/31h WRITE SECTORS      34h EXT    35h WRITE DMA EXT  3Dh FUA
 * 27h/F8h READ NATIVE MAX      40h/41h READ VERIFY        42h EXT    29h/39h/CEh MULTIPLE EXT
 * 70h-7Fh SEEK                 C4h/C5h/C6h READ, WRITE, SET MULTIPLE
 * 90h DIAGNOSTIC (controller)  C8h/C9h READ DMA           CAh/CBh WRITE DMA
 * 91h INITIALIZE PARAMETERS    E4h/E8h READ, WRITE BUFFER E7h/EAh FLUSH CACHE
 * B0h SMART                    94h-99h/E0h-E6h power      ECh IDENTIFY    EFh SET FEATURES
 * </pre>
 *
 * <p>Up to {@value AtaUnit#BUFFER_SECTORS} sectors are one request to the host, however the guest
 * takes them.
 */
public final class AtaDisk extends AtaUnit implements Device<AtaDisk.State> {

  private static final int SECTOR = 512;

  /** The CHS translation of a disk above 16,383 x 16 x 63 sectors ends there (8.4 GB). */
  private static final int MAX_CYLINDERS = 16383;

  private static final int DEFAULT_HEADS = 16;
  private static final int DEFAULT_SECTORS = 63;
  private static final int MAX_MULTIPLE = 16;
  private static final long LBA28_LIMIT = (1L << 28) - 1;

  private static final int SMART_MID = 0x4F;
  private static final int SMART_HIGH = 0xC2;

  private static final int POWER_ACTIVE = 0xFF;
  private static final int POWER_IDLE = 0x80;
  private static final int POWER_STANDBY = 0x00;

  private static final int MODE_MULTIWORD = 0x20;
  private static final int MODE_ULTRA = 0x40;
  private static final int HIGHEST_MULTIWORD = 2;
  private static final int HIGHEST_ULTRA = 5;

  /** What moves through the buffer. */
  public enum Transfer {
    NONE,
    READ,
    WRITE,
    VERIFY,
    /** A block that the disk made up itself, such as IDENTIFY's. */
    ANSWER,
    WRITE_BUFFER,
    TRIM,
    FLUSH,
    /** A command without data, whose time passes. */
    SHORT
  }

  /**
   * @param sector where the transfer goes on
   * @param remaining sectors of it, those in the buffer included
   * @param chunk sectors in the buffer
   * @param blockSectors sectors an interrupt
   * @param extended whether the addresses have 48 bits
   * @param through whether a write ends on the medium
   * @param range of a TRIM that is being discarded
   * @param multiple sectors a block, 0 when not set
   * @param transferMode as SET FEATURES had it
   * @param sectorBuffer what WRITE BUFFER left
   */
  public record State(
      Registers registers,
      Transfer transfer,
      long sector,
      int remaining,
      int chunk,
      int blockSectors,
      boolean dma,
      boolean extended,
      boolean through,
      int range,
      int cylinders,
      int heads,
      int sectors,
      int multiple,
      int transferMode,
      boolean writeCache,
      boolean lookAhead,
      boolean smart,
      boolean revert,
      int power,
      byte[] sectorBuffer) {}

  private final DiskBackend disk;
  private final String serial;
  private final long capacity;
  private final int defaultCylinders;

  private Transfer transfer = Transfer.NONE;
  private long sector;
  private int remaining;
  private int chunk;
  private int blockSectors;
  private boolean dma;
  private boolean extended;
  private boolean through;
  private int range;

  private int cylinders;
  private int heads;
  private int sectors;
  private int multiple;
  private int transferMode;
  private boolean writeCache;
  private boolean lookAhead;
  private boolean smart;
  private boolean revert;
  private int power;
  private final byte[] sectorBuffer = new byte[SECTOR];

  /**
   * @param name unique in the machine, such as {@code ide0-master}
   * @param serial up to 20 characters of ASCII
   */
  public AtaDisk(String name, Board board, Timing timing, DiskBackend disk, String serial) {
    super(name, board.events(), board.clock(), timing);
    this.disk = disk;
    this.serial = serial;
    capacity = disk.size() / SECTOR;
    defaultCylinders =
        (int)
            Math.clamp(
                capacity / (DEFAULT_HEADS * DEFAULT_SECTORS), Math.min(1, capacity), MAX_CYLINDERS);
    reset();
  }

  @Override
  DiskBackend medium() {
    return disk;
  }

  @Override
  public void reset() {
    cylinders = defaultCylinders;
    heads = DEFAULT_HEADS;
    sectors = DEFAULT_SECTORS;
    multiple = 0;
    transferMode = 0;
    writeCache = true;
    lookAhead = true;
    smart = true;
    revert = true;
    power = POWER_ACTIVE;
    Arrays.fill(sectorBuffer, (byte) 0);
    resetRegisters();
  }

  @Override
  void softwareReset() {
    if (revert) {
      multiple = 0;
    }
    power = POWER_ACTIVE;
  }

  @Override
  void forgetCommand() {
    transfer = Transfer.NONE;
  }

  /** ATA/ATAPI-6, 9.12: a device without the PACKET feature set. */
  @Override
  void putSignature() {
    count = 1;
    low = 1;
    mid = 0;
    high = 0;
    status = STATUS_DRDY | STATUS_DSC;
  }

  // Commands

  @Override
  void execute(int command) {
    switch (command) {
      case 0x06 -> trim();
      case 0x20, 0x21 -> read(false, false, 1);
      case 0x24 -> read(true, false, 1);
      case 0x25 -> read(true, true, 1);
      case 0x29 -> readMultiple(true);
      case 0xC4 -> readMultiple(false);
      case 0xC8, 0xC9 -> read(false, true, 1);
      case 0x30, 0x31 -> write(false, false, 1, false);
      case 0x34 -> write(true, false, 1, false);
      case 0x35 -> write(true, true, 1, false);
      case 0x3D -> write(true, true, 1, true);
      case 0x39 -> writeMultiple(true, false);
      case 0xCE -> writeMultiple(true, true);
      case 0xC5 -> writeMultiple(false, false);
      case 0xCA, 0xCB -> write(false, true, 1, false);
      case 0x40, 0x41 -> verify(false);
      case 0x42 -> verify(true);
      case 0x27 -> nativeMax(true);
      case 0xF8 -> nativeMax(false);
      case 0x91 -> initializeParameters();
      case 0xC6 -> setMultiple();
      case 0xE7, 0xEA -> {
        transfer = Transfer.FLUSH;
        begin(Work.FLUSH, 0, 0);
      }
      case 0xE4 -> {
        System.arraycopy(sectorBuffer, 0, buffer, 0, SECTOR);
        answer();
      }
      case 0xE8 -> {
        transfer = Transfer.WRITE_BUFFER;
        position = 0;
        bufferEnd = SECTOR;
        pio(Phase.PIO_OUT, SECTOR);
      }
      case 0x94, 0xE0, 0x96, 0xE2, 0x99, 0xE6 -> shortCommand(POWER_STANDBY);
      case 0x95, 0xE1, 0x97, 0xE3 -> shortCommand(POWER_IDLE);
      case 0x98, 0xE5 -> {
        count = power;
        shortCommand(power);
      }
      case 0xB0 -> smart();
      case 0xEC -> {
        identify();
        answer();
      }
      case 0xEF -> setFeatures();
      default -> {
        switch (command & 0xF0) {
          case 0x10 -> {
            mid = 0;
            high = 0;
            shortCommand(POWER_ACTIVE);
          }
          case 0x70 -> seek();
          default -> fail(ERROR_ABRT);
        }
      }
    }
  }

  private void shortCommand(int newPower) {
    power = newPower;
    transfer = Transfer.SHORT;
    begin(Work.PAUSE, 0, 0);
  }

  /** Offers the first 512 bytes of the buffer, once the time of a command has passed. */
  private void answer() {
    transfer = Transfer.ANSWER;
    bufferEnd = SECTOR;
    begin(Work.PAUSE, 0, 0);
  }

  private void read(boolean ext, boolean byDma, int sectorsPerBlock) {
    if (begin(Transfer.READ, ext, byDma, sectorsPerBlock)) {
      nextRead();
    }
  }

  private void readMultiple(boolean ext) {
    if (multiple == 0) {
      fail(ERROR_ABRT);
    } else {
      read(ext, false, multiple);
    }
  }

  private void write(boolean ext, boolean byDma, int sectorsPerBlock, boolean forceUnitAccess) {
    if (disk.readOnly()) {
      fail(ERROR_ABRT | ERROR_WP);
    } else if (begin(Transfer.WRITE, ext, byDma, sectorsPerBlock)) {
      through = forceUnitAccess || !writeCache;
      nextWrite();
    }
  }

  private void writeMultiple(boolean ext, boolean forceUnitAccess) {
    if (multiple == 0) {
      fail(ERROR_ABRT);
    } else {
      write(ext, false, multiple, forceUnitAccess);
    }
  }

  private void verify(boolean ext) {
    if (begin(Transfer.VERIFY, ext, false, 1)) {
      nextRead();
    }
  }

  /** Sets up a transfer; false, with the command ended, when it leaves the disk. */
  private boolean begin(Transfer kind, boolean ext, boolean byDma, int sectorsPerBlock) {
    power = POWER_ACTIVE;
    extended = ext;
    int wanted = ext ? previousCount << 8 | count : count;
    if (wanted == 0) {
      wanted = ext ? 0x10000 : 0x100;
    }
    long first = address();
    if (first < 0 || first >= capacity) {
      fail(ERROR_IDNF);
      return false;
    }
    if (wanted > capacity - first) {
      putAddress(capacity);
      fail(ERROR_IDNF);
      return false;
    }
    transfer = kind;
    sector = first;
    remaining = wanted;
    dma = byDma;
    blockSectors = sectorsPerBlock;
    through = false;
    return true;
  }

  private void nextRead() {
    chunk = Math.min(remaining, BUFFER_SECTORS);
    bufferEnd = chunk * SECTOR;
    begin(Work.READ, sector * SECTOR, bufferEnd);
  }

  private void nextWrite() {
    chunk = Math.min(remaining, BUFFER_SECTORS);
    position = 0;
    bufferEnd = chunk * SECTOR;
    if (dma) {
      dma(Phase.DMA_OUT, bufferEnd);
    } else {
      pio(Phase.PIO_OUT, blockLength());
    }
  }

  private int blockLength() {
    return Math.min(blockSectors * SECTOR, bufferEnd - position);
  }

  @Override
  void blockRead() {
    if (position < bufferEnd) {
      pio(Phase.PIO_IN, blockLength());
      setInterrupt(true);
    } else if (transfer == Transfer.READ) {
      if (chunkMoved()) {
        // The last block's interrupt was its offer; the command ends without one.
        endTransfer();
        phase = Phase.IDLE;
        status = STATUS_DRDY | STATUS_DSC;
      } else {
        nextRead();
      }
    } else {
      transfer = Transfer.NONE;
      phase = Phase.IDLE;
      status = STATUS_DRDY | STATUS_DSC;
    }
  }

  @Override
  void blockWritten() {
    if (position < bufferEnd) {
      pio(Phase.PIO_OUT, blockLength());
      setInterrupt(true);
    } else if (transfer == Transfer.WRITE) {
      begin(Work.WRITE, sector * SECTOR, bufferEnd);
    } else {
      System.arraycopy(buffer, 0, sectorBuffer, 0, SECTOR);
      shortCommand(power);
    }
  }

  @Override
  void dmaDone() {
    switch (transfer) {
      case READ -> {
        if (chunkMoved()) {
          endTransfer();
          finish();
        } else {
          nextRead();
        }
      }
      case WRITE -> begin(Work.WRITE, sector * SECTOR, bufferEnd);
      default -> {
        range = 0;
        nextDiscard();
      }
    }
  }

  /** Counts the buffer's sectors as done; true when they were the last. */
  private boolean chunkMoved() {
    sector += chunk;
    remaining -= chunk;
    return remaining == 0;
  }

  /**
   * The registers then hold the last sector's address and a count of 0, as old drives leave them.
   */
  private void endTransfer() {
    putAddress(sector - 1);
    count = 0;
    transfer = Transfer.NONE;
  }

  @Override
  void workDone(Work done, boolean ok) {
    if (!ok) {
      hostFailed();
      return;
    }
    switch (transfer) {
      case READ -> readDone();
      case VERIFY -> {
        if (chunkMoved()) {
          endTransfer();
          finish();
        } else {
          nextRead();
        }
      }
      case WRITE -> writeDone(done);
      case TRIM -> {
        range++;
        nextDiscard();
      }
      case ANSWER -> {
        position = 0;
        pio(Phase.PIO_IN, SECTOR);
        setInterrupt(true);
      }
      default -> {
        transfer = Transfer.NONE;
        finish();
      }
    }
  }

  private void hostFailed() {
    boolean reading = transfer == Transfer.READ || transfer == Transfer.VERIFY;
    if (reading || transfer == Transfer.WRITE) {
      putAddress(sector);
    }
    transfer = Transfer.NONE;
    if (reading) {
      fail(ERROR_UNC);
    } else {
      // A write or flush that the host refused is the drive's own fault, not a bad sector.
      fail(ERROR_ABRT);
      status |= STATUS_DF;
    }
  }

  private void readDone() {
    position = 0;
    if (dma) {
      dma(Phase.DMA_IN, bufferEnd);
    } else {
      pio(Phase.PIO_IN, blockLength());
      setInterrupt(true);
    }
  }

  private void writeDone(Work done) {
    if (done == Work.WRITE && !chunkMoved()) {
      nextWrite();
      if (!dma) {
        setInterrupt(true);
      }
    } else if (done == Work.WRITE && through) {
      begin(Work.FLUSH, 0, 0);
    } else {
      endTransfer();
      finish();
    }
  }

  // Addresses

  private boolean lba() {
    return (device & DEVICE_LBA) != 0;
  }

  /** The sector that the registers name, or a negative number when CHS names none. */
  private long address() {
    if (extended) {
      return (long) previousHigh << 40
          | (long) previousMid << 32
          | (long) previousLow << 24
          | high << 16
          | mid << 8
          | low;
    }
    if (lba()) {
      return (device & 0xF) << 24 | high << 16 | mid << 8 | low;
    }
    int cylinder = high << 8 | mid;
    int head = device & 0xF;
    if (low == 0 || low > sectors || head >= heads || cylinder >= cylinders) {
      return -1;
    }
    return ((long) cylinder * heads + head) * sectors + low - 1;
  }

  private void putAddress(long at) {
    if (extended) {
      previousHigh = (int) (at >>> 40) & 0xFF;
      previousMid = (int) (at >>> 32) & 0xFF;
      previousLow = (int) (at >>> 24) & 0xFF;
      high = (int) (at >>> 16) & 0xFF;
      mid = (int) (at >>> 8) & 0xFF;
      low = (int) at & 0xFF;
      previousCount = 0;
    } else if (lba()) {
      device = device & 0xF0 | (int) (at >>> 24) & 0xF;
      high = (int) (at >>> 16) & 0xFF;
      mid = (int) (at >>> 8) & 0xFF;
      low = (int) at & 0xFF;
    } else {
      long track = at / sectors;
      low = (int) (at % sectors) + 1;
      device = device & 0xF0 | (int) (track % heads);
      int cylinder = (int) (track / heads);
      mid = cylinder & 0xFF;
      high = cylinder >> 8 & 0xFF;
    }
  }

  private void seek() {
    extended = false;
    long target = address();
    if (target < 0 || target >= capacity) {
      fail(ERROR_IDNF);
    } else {
      shortCommand(POWER_ACTIVE);
    }
  }

  private void nativeMax(boolean ext) {
    extended = ext;
    if (!lba()) {
      fail(ERROR_ABRT);
      return;
    }
    putAddress(ext ? capacity - 1 : Math.min(capacity, LBA28_LIMIT) - 1);
    shortCommand(power);
  }

  private void initializeParameters() {
    if (count == 0) {
      fail(ERROR_ABRT);
      return;
    }
    heads = (device & 0xF) + 1;
    sectors = count;
    cylinders = (int) Math.min(capacity / ((long) heads * sectors), 0xFFFF);
    shortCommand(power);
  }

  // Settings

  private void setMultiple() {
    if (count > MAX_MULTIPLE || (count & (count - 1)) != 0) {
      multiple = 0;
      fail(ERROR_ABRT);
      return;
    }
    multiple = count;
    shortCommand(power);
  }

  private void setFeatures() {
    switch (features) {
      case 0x02 -> writeCache = true;
      case 0x82 -> {
        writeCache = false;
        transfer = Transfer.FLUSH;
        begin(Work.FLUSH, 0, 0);
        return;
      }
      case 0x55 -> lookAhead = false;
      case 0xAA -> lookAhead = true;
      case 0x66 -> revert = false;
      case 0xCC -> revert = true;
      case 0x03 -> {
        if (!isMode(count)) {
          fail(ERROR_ABRT);
          return;
        }
        if (count >= MODE_MULTIWORD) {
          transferMode = count;
        }
      }
      default -> {
        fail(ERROR_ABRT);
        return;
      }
    }
    shortCommand(power);
  }

  /** Programmed modes 0 to 4, multiword 0 to 2, ultra 0 to 5. */
  private static boolean isMode(int mode) {
    return mode <= 0x01
        || mode >= 0x08 && mode <= 0x0C
        || mode >= MODE_MULTIWORD && mode <= MODE_MULTIWORD + HIGHEST_MULTIWORD
        || mode >= MODE_ULTRA && mode <= MODE_ULTRA + HIGHEST_ULTRA;
  }

  /** SMART as far as a drive that is always well needs it. */
  private void smart() {
    if (mid != SMART_MID || high != SMART_HIGH || !smart && features != 0xD8) {
      fail(ERROR_ABRT);
      return;
    }
    switch (features) {
      case 0xD0, 0xD1 -> {
        Arrays.fill(buffer, 0, SECTOR, (byte) 0);
        buffer[0] = 0x10;
        buffer[511] = (byte) -0x10;
        answer();
      }
      case 0xD2, 0xD4 -> shortCommand(power);
      case 0xD8 -> {
        smart = true;
        shortCommand(power);
      }
      case 0xD9 -> {
        smart = false;
        shortCommand(power);
      }
      // RETURN STATUS: the unchanged signature says that no threshold is exceeded.
      case 0xDA -> shortCommand(power);
      default -> fail(ERROR_ABRT);
    }
  }

  // DATA SET MANAGEMENT (ACS-2, 7.10): TRIM

  private void trim() {
    int blocks = count;
    if ((features & 1) == 0 || disk.readOnly() || blocks == 0 || previousCount != 0) {
      fail(ERROR_ABRT);
      return;
    }
    transfer = Transfer.TRIM;
    dma(Phase.DMA_OUT, blocks * SECTOR);
  }

  private void nextDiscard() {
    for (; range * 8 < bufferEnd; range++) {
      int at = range * 8;
      long first = 0;
      for (int i = 5; i >= 0; i--) {
        first = first << 8 | buffer[at + i] & 0xFF;
      }
      int length = buffer[at + 6] & 0xFF | (buffer[at + 7] & 0xFF) << 8;
      if (length == 0) {
        continue;
      }
      if (first >= capacity || length > capacity - first) {
        transfer = Transfer.NONE;
        fail(ERROR_ABRT | ERROR_IDNF);
        return;
      }
      begin(Work.DISCARD, first * SECTOR, (long) length * SECTOR);
      return;
    }
    transfer = Transfer.NONE;
    finish();
  }

  // IDENTIFY DEVICE (ATA/ATAPI-6, 8.15)

  private void identify() {
    Arrays.fill(buffer, 0, SECTOR, (byte) 0);
    putWord(0, 0x0040); // fixed, not removable
    putWord(1, defaultCylinders);
    putWord(2, 0xC837); // spins up by itself; this answer is complete
    putWord(3, DEFAULT_HEADS);
    putWord(4, DEFAULT_SECTORS * SECTOR);
    putWord(5, SECTOR);
    putWord(6, DEFAULT_SECTORS);
    putText(10, 10, serial);
    putWord(20, 3); // dual ported buffer with look-ahead
    putWord(21, BUFFER_SECTORS);
    putWord(22, 4); // ECC bytes
    putText(23, 4, "0.1");
    putText(27, 20, "SATCHEL HARDDISK");
    putWord(47, 0x8000 | MAX_MULTIPLE);
    putWord(48, 1); // 32-bit data port
    putWord(49, 0x2F00); // standby timer, IORDY (can be disabled), LBA, DMA
    putWord(50, 0x4000);
    putWord(51, 0x0200);
    putWord(52, 0x0200);
    putWord(53, 0x0007); // words 54-58, 64-70 and 88 are valid
    putWord(54, cylinders);
    putWord(55, heads);
    putWord(56, sectors);
    int current = (int) Math.min(capacity, (long) cylinders * heads * sectors);
    putWord(57, current);
    putWord(58, current >>> 16);
    putWord(59, multiple == 0 ? 0 : 0x0100 | multiple);
    int lba28 = (int) Math.min(capacity, LBA28_LIMIT);
    putWord(60, lba28);
    putWord(61, lba28 >>> 16);
    putWord(63, modes(MODE_MULTIWORD, HIGHEST_MULTIWORD));
    putWord(64, 0x0003); // PIO 3 and 4
    for (int word = 65; word <= 68; word++) {
      putWord(word, 120); // ns a cycle
    }
    putWord(80, 0x007E); // ATA-1 to ATA/ATAPI-6
    putWord(82, 0x7069); // NOP, READ and WRITE BUFFER, look-ahead, write cache, power, SMART
    putWord(83, 0x7400); // FLUSH CACHE and EXT, 48-bit addresses
    putWord(84, 0x4040); // FUA
    putWord(85, 0x7008 | (lookAhead ? 0x40 : 0) | (writeCache ? 0x20 : 0) | (smart ? 1 : 0));
    putWord(86, 0x3400);
    putWord(87, 0x4040);
    putWord(88, modes(MODE_ULTRA, HIGHEST_ULTRA));
    // Hardware reset: an 80-conductor cable; number by jumper; diagnostics passed (device 0).
    putWord(93, (device & DEVICE_DEV) != 0 ? 0x6300 : 0x600B);
    for (int i = 0; i < 4; i++) {
      putWord(100 + i, (int) (capacity >>> (16 * i)));
    }
    putWord(105, BUFFER_SECTORS - 1); // blocks of ranges for TRIM
    putWord(169, 1); // TRIM
    putIntegrityWord();
  }

  /** Supported modes in bits 7-0, the selected one in bits 15-8. */
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
        sector,
        remaining,
        chunk,
        blockSectors,
        dma,
        extended,
        through,
        range,
        cylinders,
        heads,
        sectors,
        multiple,
        transferMode,
        writeCache,
        lookAhead,
        smart,
        revert,
        power,
        sectorBuffer.clone());
  }

  @Override
  public void restore(State state) {
    transfer = state.transfer;
    sector = state.sector;
    remaining = state.remaining;
    chunk = state.chunk;
    blockSectors = state.blockSectors;
    dma = state.dma;
    extended = state.extended;
    through = state.through;
    range = state.range;
    cylinders = state.cylinders;
    heads = state.heads;
    sectors = state.sectors;
    multiple = state.multiple;
    transferMode = state.transferMode;
    writeCache = state.writeCache;
    lookAhead = state.lookAhead;
    smart = state.smart;
    revert = state.revert;
    power = state.power;
    System.arraycopy(state.sectorBuffer, 0, sectorBuffer, 0, SECTOR);
    restoreRegisters(state.registers);
  }
}
