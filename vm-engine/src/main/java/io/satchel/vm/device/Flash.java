package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.host.DiskBackend;
import io.satchel.vm.memory.GuestMemory;
import java.io.IOException;
import java.util.BitSet;

/**
 * NOR flash memory with a data bus of 8 bits: Intel StrataFlash data sheet 290737 (commands, status
 * register); JEDEC JESD68.01, Common Flash Interface.
 *
 * <pre>
 *  FFh read array       70h read status       50h clear status      90h read identifier
 *  98h read query       20h, D0h erase the block of 4 KiB           10h or 40h, data: program
 *  E8h, count - 1, data ..., D0h: write to buffer
 *  status  bit 7 ready, bit 5 erase error, bit 4 program error
 * </pre>
 *
 * <p>Reads of the array are reads of memory; while anything else is read, reads come here.
 * Programming only clears bits. What has changed is written to the medium, in blocks, when the
 * array is read again: that is where drivers end.
 */
public final class Flash implements Device<Flash.State>, IoHandler {

  /** Bytes that are erased at once. */
  public static final int BLOCK = 4096;

  private static final int READ_ARRAY = 0xFF;
  private static final int READ_STATUS = 0x70;
  private static final int CLEAR_STATUS = 0x50;
  private static final int READ_IDENTIFIER = 0x90;
  private static final int READ_QUERY = 0x98;
  private static final int ERASE = 0x20;
  private static final int CONFIRM = 0xD0;
  private static final int PROGRAM = 0x10;
  private static final int PROGRAM_ALTERNATE = 0x40;
  private static final int WRITE_TO_BUFFER = 0xE8;

  private static final int READY = 1 << 7;
  private static final int ERASE_ERROR = 1 << 5;
  private static final int PROGRAM_ERROR = 1 << 4;

  /** Intel, 128 megabits. */
  private static final int[] IDENTIFIER = {0x89, 0x18};

  private static final int QUERY = 0x10;

  /** No count of a write to the buffer was given yet. */
  private static final int NO_COUNT = -1;

  /**
   * The command state machine; the content is on the medium.
   *
   * @param command the last one, which says what reads give
   * @param second whether its second cycle is to come
   * @param left bytes that a write to the buffer waits for, or -1 before its count
   */
  public record State(int command, boolean second, int left, int status) {}

  private final Board board;
  private final GuestMemory memory;
  private final DiskBackend medium;
  private final long base;
  private final int size;
  private final int host;
  private final BitSet changed = new BitSet();
  private int command;
  private boolean second;
  private int left;
  private int status;

  /**
   * @param base physical address
   * @param host host offset of as many bytes as the medium has, a multiple of {@value #BLOCK}
   * @throws IOException if the medium cannot be read
   */
  public Flash(Board board, DiskBackend medium, long base, int host) throws IOException {
    this.board = board;
    this.memory = board.memory().memory();
    this.medium = medium;
    this.base = base;
    this.host = host;
    size = (int) medium.size();
    byte[] content = new byte[size];
    medium.readNow(0, content, 0, size);
    memory.write(host, content, 0, size);
    board.memory().mapDevice(base, size, "flash", this);
    reset();
  }

  @Override
  public int read(int offset, int width) {
    int value = 0;
    for (int i = 0; i < width; i++) {
      value |= cell(offset + i) << 8 * i;
    }
    return value;
  }

  private int cell(int offset) {
    return switch (command) {
      case READ_ARRAY -> memory.read8(host + offset);
      case READ_IDENTIFIER -> (offset & 0xFF) < 2 ? IDENTIFIER[offset & 1] : 0;
      case READ_QUERY -> query(offset & 0xFF);
      default -> status;
    };
  }

  /** The query structure: identification, system interface, geometry. */
  private int query(int address) {
    int blocks = size / BLOCK - 1;
    return switch (address - QUERY) {
      case 0x00 -> 'Q';
      case 0x01 -> 'R';
      case 0x02 -> 'Y';
      case 0x03 -> 1; // Intel's extended command set
      case 0x05 -> 0x31; // where its table is, which is empty
      case 0x0B -> 0x45; // VCC
      case 0x0C -> 0x55;
      case 0x0F, 0x10, 0x11 -> 0x07; // typical times
      case 0x17 -> 31 - Integer.numberOfLeadingZeros(size);
      case 0x1A -> 5; // a write buffer of 32 bytes
      case 0x1C -> 1; // one region
      case 0x1D -> blocks & 0xFF;
      case 0x1E -> blocks >>> 8 & 0xFF;
      case 0x1F -> BLOCK >>> 8 & 0xFF;
      case 0x20 -> BLOCK >>> 16 & 0xFF;
      default -> 0;
    };
  }

  @Override
  public void write(int offset, int width, int value) {
    for (int i = 0; i < width; i++) {
      cycle(offset + i, value >>> 8 * i & 0xFF);
    }
  }

  private void cycle(int offset, int value) {
    if (!second) {
      command(value);
      return;
    }
    switch (command) {
      case ERASE -> {
        second = false;
        if (value == CONFIRM) {
          erase(offset & -BLOCK);
        } else {
          status |= ERASE_ERROR | PROGRAM_ERROR;
        }
      }
      case WRITE_TO_BUFFER -> buffer(offset, value);
      default -> {
        second = false;
        program(offset, value);
      }
    }
  }

  private void command(int value) {
    switch (value) {
      case READ_ARRAY -> {
        save();
        enter(READ_ARRAY);
      }
      case CLEAR_STATUS -> status = READY;
      case READ_STATUS, READ_IDENTIFIER, READ_QUERY -> enter(value);
      case ERASE, PROGRAM, WRITE_TO_BUFFER -> {
        enter(value);
        second = true;
        left = NO_COUNT;
      }
      case PROGRAM_ALTERNATE -> {
        enter(PROGRAM);
        second = true;
      }
      default -> {
        // No command: the part goes on reading what it read.
      }
    }
  }

  private void buffer(int offset, int value) {
    if (left == NO_COUNT) {
      left = value + 1;
    } else if (left > 0) {
      left--;
      program(offset, value);
    } else {
      second = false;
      if (value != CONFIRM) {
        status |= ERASE_ERROR | PROGRAM_ERROR;
      }
    }
  }

  private void program(int offset, int value) {
    int at = host + offset;
    memory.markWritten(at >>> GuestMemory.PAGE_BITS);
    memory.put8(at, memory.read8(at) & value);
    changed.set(offset / BLOCK);
  }

  private void erase(int offset) {
    byte[] blank = new byte[BLOCK];
    java.util.Arrays.fill(blank, (byte) 0xFF);
    memory.write(host + offset, blank, 0, BLOCK);
    changed.set(offset / BLOCK);
  }

  private void save() {
    if (changed.isEmpty()) {
      return;
    }
    for (int block = changed.nextSetBit(0); block >= 0; block = changed.nextSetBit(block + 1)) {
      byte[] content = new byte[BLOCK];
      memory.read(host + block * BLOCK, content, 0, BLOCK);
      medium.write((long) block * BLOCK, content, 0, BLOCK, ok -> {});
    }
    changed.clear();
    medium.flush(ok -> {});
  }

  private void enter(int next) {
    boolean wasArray = command == READ_ARRAY;
    command = next;
    if (wasArray != (next == READ_ARRAY)) {
      map();
    }
  }

  private void map() {
    if (command == READ_ARRAY) {
      board.memory().mapRead(base, size, host);
    } else {
      board.memory().mapDevice(base, size, "flash", this);
    }
  }

  @Override
  public String name() {
    return "flash";
  }

  @Override
  public void reset() {
    save();
    command = READ_ARRAY;
    second = false;
    left = NO_COUNT;
    status = READY;
    map();
  }

  @Override
  public State state() {
    save();
    return new State(command, second, left, status);
  }

  @Override
  public void restore(State state) {
    command = state.command();
    second = state.second();
    left = state.left();
    status = state.status();
    map();
  }
}
