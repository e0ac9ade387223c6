package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.bus.IsaDma;
import io.satchel.vm.memory.AddressMap;
import java.util.Arrays;

/**
 * The two cascaded DMA controllers of the AT with their page registers (Intel 8237A data sheet,
 * 231466; Intel 82371SB (PIIX3) data sheet, 290550, sections 2.3 and 3.1 "DMA registers").
 *
 * <pre>
 * 00h-07h   controller 1 (8 bit): channel n's address at 2n, count at 2n + 1, low byte first
 * 08h  w    command: bit 2 disables the controller; bits 4, 6, 7 arbitration and polarity
 *      r    status: bits 0-3 terminal count (cleared by the read), bits 4-7 request
 * 09h  w    request: bits 0-1 channel, bit 2 set
 * 0Ah  w    single mask: bits 0-1 channel, bit 2 set
 * 0Bh  w    mode: bits 0-1 channel, 2-3 transfer (verify, write, read), 4 autoinitialize,
 *           5 decrement, 6-7 demand, single, block, cascade
 * 0Ch  w    clear byte pointer flip-flop
 * 0Dh  w    master clear;  r  temporary
 * 0Eh  w    clear all masks
 * 0Fh  w    all masks
 * C0h-DFh   controller 2 (16 bit), the same two ports apart; its channel 0 is the cascade
 * 81h-8Fh   page registers, bits 16-23 of the address: 87h 83h 81h 82h for channels 0 to 3,
 *           8Bh 89h 8Ah for channels 5 to 7, 8Fh refresh; the others are plain storage
 * </pre>
 *
 * <p>A transfer is made at the moment when a device asks for it, as many units at once as the count
 * allows; demand, single and block mode therefore look alike. Memory-to-memory transfers do not
 * exist here, as in the PIIX3.
 */
public final class Dma8237 implements Device<Dma8237.State>, IsaDma {

  private static final int COMMAND_DISABLE = 0x04;
  private static final int MODE_TRANSFER = 0x0C;
  private static final int TRANSFER_VERIFY = 0x00;
  private static final int TRANSFER_WRITE = 0x04;
  private static final int TRANSFER_READ = 0x08;
  private static final int MODE_AUTOINIT = 0x10;
  private static final int MODE_DECREMENT = 0x20;
  private static final int MODE_CASCADE = 0xC0;
  private static final int CASCADE_CHANNEL = 4;

  private static final int PAGE_BASE = 0x81;
  private static final int PAGE_COUNT = 15;

  /** The page register's port of each channel; the cascade has the refresh page. */
  private static final int[] PAGE_PORT = {0x87, 0x83, 0x81, 0x82, 0x8F, 0x8B, 0x89, 0x8A};

  /**
   * One 8237A.
   *
   * @param highByte the byte pointer flip-flop
   * @param terminal channels whose count ran out since they were programmed
   */
  public record Controller(
      int[] baseAddress,
      int[] baseCount,
      int[] address,
      int[] count,
      int[] mode,
      int command,
      int status,
      int request,
      int mask,
      boolean highByte,
      int terminal) {}

  /**
   * @param pages ports 81h to 8Fh
   */
  public record State(Controller first, Controller second, int[] pages) {}

  private final AddressMap memory;
  private final Chip first = new Chip();
  private final Chip second = new Chip();
  private final int[] pages = new int[PAGE_COUNT];

  public Dma8237(IoPorts ports, AddressMap memory) {
    this.memory = memory;
    ports.map(0x00, 16, 1, name(), first);
    ports.map(
        0xC0,
        32,
        1,
        name(),
        new IoHandler() {
          @Override
          public int read(int offset, int width) {
            return (offset & 1) != 0 ? 0xFF : second.read(offset >> 1, 1);
          }

          @Override
          public void write(int offset, int width, int value) {
            if ((offset & 1) == 0) {
              second.write(offset >> 1, 1, value);
            }
          }
        });
    ports.map(
        PAGE_BASE,
        PAGE_COUNT,
        1,
        name(),
        new IoHandler() {
          @Override
          public int read(int offset, int width) {
            return pages[offset];
          }

          @Override
          public void write(int offset, int width, int value) {
            pages[offset] = value;
          }
        });
    reset();
  }

  @Override
  public String name() {
    return "dma";
  }

  @Override
  public void reset() {
    first.masterClear();
    second.masterClear();
    Arrays.fill(pages, 0);
  }

  @Override
  public State state() {
    return new State(first.state(), second.state(), pages.clone());
  }

  @Override
  public void restore(State state) {
    first.restore(state.first);
    second.restore(state.second);
    System.arraycopy(state.pages, 0, pages, 0, PAGE_COUNT);
  }

  @Override
  public int toMemory(int channel, byte[] data, int offset, int length) {
    return move(channel, data, offset, length, TRANSFER_WRITE);
  }

  @Override
  public int fromMemory(int channel, byte[] data, int offset, int length) {
    return move(channel, data, offset, length, TRANSFER_READ);
  }

  @Override
  public boolean terminalCount(int channel) {
    return (chip(channel).terminal & 1 << (channel & 3)) != 0;
  }

  private Chip chip(int channel) {
    return channel < CASCADE_CHANNEL ? first : second;
  }

  /** Requests of the first controller reach the processor only through the second's channel 0. */
  private boolean blocked(int channel) {
    if (channel < CASCADE_CHANNEL && (second.blocks(0) || !second.cascade(0))) {
      return true;
    }
    Chip chip = chip(channel);
    return chip.blocks(channel & 3) || chip.cascade(channel & 3);
  }

  private int move(int channel, byte[] data, int offset, int length, int direction) {
    Chip chip = chip(channel);
    int n = channel & 3;
    int transfer = chip.mode[n] & MODE_TRANSFER;
    if (blocked(channel) || transfer != direction && transfer != TRANSFER_VERIFY) {
      return 0;
    }
    int shift = channel < CASCADE_CHANNEL ? 0 : 1;
    int units = Math.min(length >> shift, chip.count[n] + 1);
    if (units == 0) {
      return 0;
    }
    chip.terminal &= ~(1 << n);
    if (transfer != TRANSFER_VERIFY) {
      copy(channel, data, offset, units, direction);
    }
    chip.advance(n, units);
    return units << shift;
  }

  /** The address counter has 16 bits and never carries into the page. */
  private void copy(int channel, byte[] data, int offset, int units, int direction) {
    Chip chip = chip(channel);
    int n = channel & 3;
    int shift = channel < CASCADE_CHANNEL ? 0 : 1;
    long page = (long) (pages[PAGE_PORT[channel] - PAGE_BASE] & ~shift) << 16;
    boolean down = (chip.mode[n] & MODE_DECREMENT) != 0;
    int address = chip.address[n];
    int left = units;
    while (left > 0) {
      int run = down ? 1 : Math.min(left, 0x10000 - address);
      long physical = page + ((long) address << shift);
      if (direction == TRANSFER_WRITE) {
        memory.write(physical, data, offset, run << shift);
      } else {
        memory.read(physical, data, offset, run << shift);
      }
      offset += run << shift;
      address = (down ? address - run : address + run) & 0xFFFF;
      left -= run;
    }
  }

  /** The registers of one 8237A, in its own numbering of ports. */
  private static final class Chip implements IoHandler {
    final int[] baseAddress = new int[4];
    final int[] baseCount = new int[4];
    final int[] address = new int[4];
    final int[] count = new int[4];
    final int[] mode = new int[4];
    int command;
    int status;
    int request;
    int mask;
    boolean highByte;
    int terminal;

    boolean blocks(int n) {
      return (command & COMMAND_DISABLE) != 0 || (mask & 1 << n) != 0;
    }

    boolean cascade(int n) {
      return (mode[n] & MODE_CASCADE) == MODE_CASCADE;
    }

    void advance(int n, int units) {
      boolean down = (mode[n] & MODE_DECREMENT) != 0;
      address[n] = (down ? address[n] - units : address[n] + units) & 0xFFFF;
      count[n] = (count[n] - units) & 0xFFFF;
      if (count[n] == 0xFFFF) {
        status |= 1 << n;
        terminal |= 1 << n;
        request &= ~(1 << n);
        if ((mode[n] & MODE_AUTOINIT) != 0) {
          address[n] = baseAddress[n];
          count[n] = baseCount[n];
        } else {
          mask |= 1 << n;
        }
      }
    }

    @Override
    public int read(int offset, int width) {
      if (offset < 8) {
        int value = (offset & 1) == 0 ? address[offset >> 1] : count[offset >> 1];
        highByte = !highByte;
        return highByte ? value & 0xFF : value >> 8;
      }
      return switch (offset) {
        case 0x8 -> {
          int value = status | request << 4;
          status = 0;
          yield value;
        }
        case 0xD -> 0;
        case 0xF -> 0xF0 | mask;
        default -> 0xFF;
      };
    }

    @Override
    public void write(int offset, int width, int value) {
      if (offset < 8) {
        int n = offset >> 1;
        int[] base = (offset & 1) == 0 ? baseAddress : baseCount;
        int[] current = (offset & 1) == 0 ? address : count;
        base[n] = withByte(base[n], value);
        current[n] = withByte(current[n], value);
        highByte = !highByte;
        terminal &= ~(1 << n);
        return;
      }
      int n = value & 3;
      switch (offset) {
        case 0x8 -> command = value;
        case 0x9 -> request = (value & 4) != 0 ? request | 1 << n : request & ~(1 << n);
        case 0xA -> mask = (value & 4) != 0 ? mask | 1 << n : mask & ~(1 << n);
        case 0xB -> {
          mode[n] = value & 0xFC;
          terminal &= ~(1 << n);
        }
        case 0xC -> highByte = false;
        case 0xD -> masterClear();
        case 0xE -> mask = 0;
        default -> mask = value & 0xF;
      }
    }

    private int withByte(int register, int value) {
      return highByte ? register & 0xFF | value << 8 : register & 0xFF00 | value;
    }

    void masterClear() {
      command = 0;
      status = 0;
      request = 0;
      mask = 0xF;
      highByte = false;
      terminal = 0;
    }

    Controller state() {
      return new Controller(
          baseAddress.clone(),
          baseCount.clone(),
          address.clone(),
          count.clone(),
          mode.clone(),
          command,
          status,
          request,
          mask,
          highByte,
          terminal);
    }

    void restore(Controller s) {
      System.arraycopy(s.baseAddress, 0, baseAddress, 0, 4);
      System.arraycopy(s.baseCount, 0, baseCount, 0, 4);
      System.arraycopy(s.address, 0, address, 0, 4);
      System.arraycopy(s.count, 0, count, 0, 4);
      System.arraycopy(s.mode, 0, mode, 0, 4);
      command = s.command;
      status = s.status;
      request = s.request;
      mask = s.mask;
      highByte = s.highByte;
      terminal = s.terminal;
    }
  }
}
