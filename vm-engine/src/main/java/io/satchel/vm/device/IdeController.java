package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.memory.AddressMap;
import org.jspecify.annotations.Nullable;

/**
 * The IDE function of the PIIX3 (Intel 82371SB data sheet, 290550, sections 2.2 and 3.2;
 * Programming Interface for Bus Master IDE Controller, revision 1.0): two channels at the ports of
 * the AT, and a bus master that moves their data by lists of memory regions.
 *
 * <pre>
 * PCI    04h command: bit 0 all ports, bit 2 bus master
 *        20h BMIBA: 16 ports of the bus master
 *        40h, 42h IDETIM primary, secondary: bit 15 enables the channel's ports; the rest is timing
 *        44h SIDETIM
 * 1F0h-1F7h, 170h-177h   command block of the selected drive
 * 3F6h, 376h             read: alternate status
 *                        write: device control: bit 1 nIEN, bit 2 SRST, bit 7 HOB
 * BMIBA + 0, + 8         command: bit 0 start, bit 3 to memory
 *       + 2, + A         status: bit 0 active, 1 error, 2 interrupt (1 and 2 cleared by writing 1),
 *                        5 and 6 drive 0 and 1 prepared for DMA (storage)
 *       + 4, + C         table of regions (PRD): address, 8 bytes an entry:
 *                        address; count in bits 15-1 (0 is 64 KiB), bit 31 of the second word: last
 * </pre>
 *
 * <p>A channel without drives reads as 7Fh: DD7 is pulled down so that BSY reads as clear
 * (ATA/ATAPI-6, table 9). An absent slave reads as zeros beside a master: its status must be 00h
 * there, and zeros in the other registers keep a driver from taking the master's signature for the
 * slave's.
 */
public final class IdeController implements Device<IdeController.State> {

  private static final int VENDOR_INTEL = 0x8086;
  private static final int DEVICE_PIIX3_IDE = 0x7010;

  /** IDE controller, bus master, revision 0. */
  private static final int CLASS_IDE = 0x01018000;

  private static final int CONFIG_IDETIM = 0x40;
  private static final int CONFIG_SIDETIM = 0x44;
  private static final int IDETIM_DECODE = 0x8000;

  private static final int CONTROL_NIEN = 0x02;
  private static final int CONTROL_SRST = 0x04;
  private static final int CONTROL_HOB = 0x80;

  private static final int COMMAND_DIAGNOSTIC = 0x90;

  private static final int MASTER_START = 0x01;
  private static final int MASTER_TO_MEMORY = 0x08;
  private static final int MASTER_ACTIVE = 0x01;
  private static final int MASTER_ERROR = 0x02;
  private static final int MASTER_INTERRUPT = 0x04;
  private static final int MASTER_DRIVES = 0x60;

  private static final int PRD_LAST = 0x80000000;

  private static final int FLOATING = 0x7F7F7F7F;

  /**
   * One channel.
   *
   * @param control the device control register
   * @param line the level of the interrupt line
   * @param regionAddress where the bus master goes on in the current region
   * @param regionLeft bytes left in it
   */
  public record ChannelState(
      int control,
      boolean slaveSelected,
      boolean line,
      int masterCommand,
      int masterStatus,
      int table,
      int nextRegion,
      int regionAddress,
      int regionLeft,
      boolean lastRegion) {}

  /**
   * @param config the PCI configuration space
   */
  public record State(ChannelState primary, ChannelState secondary, byte[] config) {}

  private final IoPorts ports;
  private final AddressMap memory;
  private final Channel primary;
  private final Channel secondary;
  private final Function function;

  /**
   * Puts the controller's ports on the board; {@link #function} is to be plugged into its PCI slot.
   *
   * <p>A unit is {@code null} where there is none.
   */
  public IdeController(
      Board board,
      IrqLine irq14,
      IrqLine irq15,
      @Nullable AtaUnit primaryMaster,
      @Nullable AtaUnit primarySlave,
      @Nullable AtaUnit secondaryMaster,
      @Nullable AtaUnit secondarySlave) {
    ports = board.ports();
    memory = board.memory();
    primary = new Channel(0x1F0, 0x3F6, irq14, primaryMaster, primarySlave);
    secondary = new Channel(0x170, 0x376, irq15, secondaryMaster, secondarySlave);
    function = new Function();
  }

  /** The PCI function. */
  public PciFunction function() {
    return function;
  }

  @Override
  public String name() {
    return "ide";
  }

  /** Resets the controller; the drives are devices of their own. */
  @Override
  public void reset() {
    primary.reset();
    secondary.reset();
    function.resetConfig();
  }

  @Override
  public State state() {
    return new State(primary.state(), secondary.state(), function.configState());
  }

  @Override
  public void restore(State state) {
    function.restoreConfig(state.config);
    primary.restore(state.primary);
    secondary.restore(state.secondary);
  }

  /** The configuration space: bit 15 of IDETIM maps a channel's ports. */
  private final class Function extends PciFunction {

    Function() {
      super(VENDOR_INTEL, DEVICE_PIIX3_IDE, CLASS_IDE);
      preset(STATUS, 2, 0x0280);
      allow(COMMAND, 2, 0x0005);
      allow(0x0C, 2, 0xF000);
      allow(INTERRUPT_LINE, 1, 0);
      allow(CONFIG_IDETIM, 2, 0xF3FF);
      allow(CONFIG_IDETIM + 2, 2, 0xF3FF);
      allow(CONFIG_SIDETIM, 1, 0xFF);
      ioBar(4, 16, 4, "ide bus master", new BusMasterPorts());
    }

    @Override
    protected void configWritten(int register, int width) {
      boolean enabled = (readConfig(COMMAND, 2) & 1) != 0;
      primary.decode(enabled && (readConfig(CONFIG_IDETIM, 2) & IDETIM_DECODE) != 0);
      secondary.decode(enabled && (readConfig(CONFIG_IDETIM + 2, 2) & IDETIM_DECODE) != 0);
    }
  }

  /** The 16 ports at BMIBA. */
  private final class BusMasterPorts implements IoHandler {

    @Override
    public int read(int offset, int width) {
      int value = 0;
      for (int i = offset; i < offset + width; i++) {
        value |= (i < 8 ? primary : secondary).readMaster(i & 7) << (8 * (i - offset));
      }
      return value;
    }

    @Override
    public void write(int offset, int width, int value) {
      for (int i = offset; i < offset + width; i++) {
        (i < 8 ? primary : secondary).writeMaster(i & 7, value >>> (8 * (i - offset)) & 0xFF);
      }
    }
  }

  /** A cable with up to two units, and its half of the bus master. */
  private final class Channel implements IoHandler, AtaUnit.Cable {
    private final int commandBase;
    private final int controlPort;
    private final IrqLine irq;
    private final @Nullable AtaUnit master;
    private final @Nullable AtaUnit slave;
    private final IoHandler controlHandler =
        new IoHandler() {
          @Override
          public int read(int offset, int width) {
            return alternateStatus();
          }

          @Override
          public void write(int offset, int width, int value) {
            writeControl(value);
          }
        };
    private boolean decoded;

    private @Nullable AtaUnit selected;
    private boolean slaveSelected;
    private int control;
    private boolean line;

    private int masterCommand;
    private int masterStatus;
    private int table;
    private int nextRegion;
    private int regionAddress;
    private int regionLeft;
    private boolean lastRegion;

    Channel(
        int commandBase,
        int controlPort,
        IrqLine irq,
        @Nullable AtaUnit master,
        @Nullable AtaUnit slave) {
      this.commandBase = commandBase;
      this.controlPort = controlPort;
      this.irq = irq;
      this.master = master;
      this.slave = slave;
      selected = master;
      if (master != null) {
        master.attach(this);
      }
      if (slave != null) {
        slave.attach(this);
      }
    }

    void decode(boolean enabled) {
      if (enabled == decoded) {
        return;
      }
      decoded = enabled;
      if (enabled) {
        ports.map(commandBase, 8, 4, "ide", this);
        ports.map(controlPort, 1, 1, "ide", controlHandler);
      } else {
        ports.unmap(commandBase, 8, this);
        ports.unmap(controlPort, 1, controlHandler);
      }
    }

    // Command block

    @Override
    public int read(int offset, int width) {
      AtaUnit unit = selected;
      if (offset == 0) {
        return unit == null ? absent() : unit.readData(width);
      }
      int value = 0;
      for (int i = 0; i < width; i++) {
        int register =
            unit == null
                ? absent() & 0xFF
                : unit.readRegister((offset + i) & 7, (control & CONTROL_HOB) != 0);
        value |= register << (8 * i);
      }
      return value;
    }

    @Override
    public void write(int offset, int width, int value) {
      if (offset == 0) {
        if (selected != null) {
          selected.writeData(width, value);
        }
        return;
      }
      for (int i = 0; i < width; i++) {
        writeRegister((offset + i) & 7, value >>> (8 * i) & 0xFF);
      }
    }

    private void writeRegister(int register, int value) {
      control &= ~CONTROL_HOB;
      if (register == 7) {
        writeCommand(value);
        return;
      }
      if (master != null) {
        master.writeRegister(register, value);
      }
      if (slave != null) {
        slave.writeRegister(register, value);
      }
      if (register == 6) {
        select((value & AtaUnit.DEVICE_DEV) != 0);
      }
    }

    private void writeCommand(int command) {
      if (command == COMMAND_DIAGNOSTIC) {
        diagnose();
      } else if (selected != null) {
        selected.writeCommand(command);
      }
    }

    private void diagnose() {
      if (slave != null) {
        slave.diagnose(false);
      }
      if (master != null) {
        master.diagnose(true);
      }
      select(false);
    }

    private void select(boolean wantSlave) {
      slaveSelected = wantSlave;
      selected = wantSlave ? slave : master;
      interruptChanged();
    }

    private int absent() {
      return slaveSelected && master != null ? 0 : FLOATING;
    }

    // Control block

    private int alternateStatus() {
      return selected == null ? absent() & 0xFF : selected.alternateStatus();
    }

    private void writeControl(int value) {
      int changed = control ^ value;
      control = value;
      if ((changed & CONTROL_SRST) != 0) {
        softwareReset((value & CONTROL_SRST) != 0);
      }
      interruptChanged();
    }

    private void softwareReset(boolean begins) {
      if (master != null) {
        softwareReset(master, begins);
      }
      if (slave != null) {
        softwareReset(slave, begins);
      }
      if (begins) {
        masterStatus &= ~MASTER_ACTIVE;
      } else {
        select(false);
      }
    }

    private static void softwareReset(AtaUnit unit, boolean begins) {
      if (begins) {
        unit.softwareResetBegins();
      } else {
        unit.softwareResetEnds();
      }
    }

    /** The selected unit drives the line, unless nIEN has it released. */
    @Override
    public void interruptChanged() {
      boolean level = selected != null && selected.interrupt() && (control & CONTROL_NIEN) == 0;
      if (level != line) {
        line = level;
        if (level) {
          masterStatus |= MASTER_INTERRUPT;
        }
        irq.set(level);
      }
    }

    // Bus master

    int readMaster(int register) {
      return switch (register) {
        case 0 -> masterCommand;
        case 2 -> masterStatus;
        case 4, 5, 6, 7 -> table >>> (8 * (register - 4)) & 0xFF;
        default -> 0;
      };
    }

    void writeMaster(int register, int value) {
      switch (register) {
        case 0 -> {
          boolean wasStarted = (masterCommand & MASTER_START) != 0;
          masterCommand = value & (MASTER_START | MASTER_TO_MEMORY);
          if ((value & MASTER_START) == 0) {
            masterStatus &= ~MASTER_ACTIVE;
          } else if (!wasStarted) {
            masterStatus |= MASTER_ACTIVE;
            nextRegion = table;
            regionLeft = 0;
            lastRegion = false;
            dmaRequested();
          }
        }
        case 2 ->
            masterStatus =
                masterStatus & ~(value & (MASTER_ERROR | MASTER_INTERRUPT)) & ~MASTER_DRIVES
                    | value & MASTER_DRIVES;
        case 4, 5, 6, 7 -> {
          int shift = 8 * (register - 4);
          table = (table & ~(0xFF << shift) | value << shift) & ~3;
        }
        default -> {}
      }
    }

    /**
     * Moves what can be moved. When a unit wants more than the table holds, the bus master goes
     * inactive and the unit waits on; when the table holds more, it stays active.
     */
    @Override
    public void dmaRequested() {
      while ((masterStatus & MASTER_ACTIVE) != 0 && function.busMaster()) {
        AtaUnit unit = requester();
        if (unit == null) {
          return;
        }
        boolean toMemory = unit.phase == AtaUnit.Phase.DMA_IN;
        if (toMemory != ((masterCommand & MASTER_TO_MEMORY) != 0)) {
          return;
        }
        if (regionLeft == 0 && !loadRegion()) {
          return;
        }
        moveRun(unit, toMemory);
      }
    }

    private @Nullable AtaUnit requester() {
      if (master != null && master.requestsDma()) {
        return master;
      }
      return slave != null && slave.requestsDma() ? slave : null;
    }

    private boolean loadRegion() {
      if (isEmpty(nextRegion)) {
        return masterAbort();
      }
      regionAddress = (int) memory.read(Integer.toUnsignedLong(nextRegion), 4) & ~1;
      int count = (int) memory.read(Integer.toUnsignedLong(nextRegion + 4), 4);
      regionLeft = count & 0xFFFE;
      if (regionLeft == 0) {
        regionLeft = 0x10000;
      }
      lastRegion = (count & PRD_LAST) != 0;
      nextRegion += 8;
      return !isEmpty(regionAddress) || masterAbort();
    }

    private boolean isEmpty(int address) {
      return memory.readEntry(address >>> 12) == AddressMap.EMPTY;
    }

    /** Nobody answered on the bus. */
    private boolean masterAbort() {
      masterStatus = masterStatus & ~MASTER_ACTIVE | MASTER_ERROR;
      regionLeft = 0;
      return false;
    }

    private void moveRun(AtaUnit unit, boolean toMemory) {
      int run = Math.min(regionLeft, unit.bufferEnd - unit.position);
      long address = Integer.toUnsignedLong(regionAddress);
      if (toMemory) {
        memory.write(address, unit.buffer, unit.position, run);
      } else {
        memory.read(address, unit.buffer, unit.position, run);
      }
      unit.position += run;
      regionAddress += run;
      regionLeft -= run;
      if (regionLeft == 0 && lastRegion) {
        masterStatus &= ~MASTER_ACTIVE;
      }
      if (unit.position == unit.bufferEnd) {
        unit.dmaDone();
      }
    }

    // State

    void reset() {
      control = 0;
      slaveSelected = false;
      selected = master;
      masterCommand = 0;
      masterStatus = 0;
      table = 0;
      nextRegion = 0;
      regionAddress = 0;
      regionLeft = 0;
      lastRegion = false;
      interruptChanged();
      masterStatus = 0;
    }

    ChannelState state() {
      return new ChannelState(
          control,
          slaveSelected,
          line,
          masterCommand,
          masterStatus,
          table,
          nextRegion,
          regionAddress,
          regionLeft,
          lastRegion);
    }

    void restore(ChannelState state) {
      control = state.control;
      slaveSelected = state.slaveSelected;
      selected = slaveSelected ? slave : master;
      line = state.line;
      masterCommand = state.masterCommand;
      masterStatus = state.masterStatus;
      table = state.table;
      nextRegion = state.nextRegion;
      regionAddress = state.regionAddress;
      regionLeft = state.regionLeft;
      lastRegion = state.lastRegion;
      irq.set(line);
    }
  }
}
