package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.PciBus;
import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.memory.AddressMap;

/**
 * The host bridge: Intel 82441FX (PMC) data sheet (290549-001); PCI configuration mechanism 1.
 *
 * <pre>
 *  CF8h  CONFADD, 32 bits only: bit 31 enable, 23-16 bus, 15-11 device, 10-8 function, 7-2 register
 *  CFCh  CONFDATA: the register, by byte, word or doubleword
 *
 *  Function 0:0.0, 8086h:1237h
 *    59h-5Fh  PAM0-PAM6: who answers at C0000h-FFFFFh. Each nibble: bit 0 RE reads, bit 1 WE writes
 *             go to DRAM, else to the PCI bus. PAM0's high nibble is F0000h-FFFFFh; PAM1 to PAM6 are
 *             16 KiB each from C0000h on, low nibble first.
 *    60h-67h  DRB0-DRB7: DRAM row boundaries in 8 MiB
 *    72h      SMRAM: kept, without effect, since there is no system management mode
 * </pre>
 */
public final class I440fx extends PciFunction implements Device<I440fx.State> {

  private static final int PAM0 = 0x59;
  private static final int PAM6 = 0x5F;
  private static final int DRB0 = 0x60;
  private static final int SMRAM = 0x72;
  private static final int PAM_RE = 1;
  private static final int PAM_WE = 2;
  private static final int ENABLE = 1 << 31;

  private static final int SHADOW = 0xC_0000;
  private static final int BLOCK = 0x4000;
  private static final int TOP_BLOCK = 0xF_0000;

  /** Bytes of {@code romOffset} that answer at C0000h to FFFFFh when DRAM does not: 256 KiB. */
  public static final int ROM_SIZE = 0x4_0000;

  /** Configuration space and CONFADD. */
  public record State(byte[] config, int address) {}

  private final AddressMap memory;
  private final PciBus pci;
  private final int romOffset;
  private final int[] attributes = new int[13];
  private int address;

  /**
   * @param romOffset host offset of {@value #ROM_SIZE} bytes: what the PCI bus answers at C0000h to
   *     FFFFFh
   * @param resetControl port CF9h, which lies inside CONFADD
   */
  public I440fx(Board board, int romOffset, IoHandler resetControl) {
    super(0x8086, 0x1237, 0x0600_0002);
    this.memory = board.memory();
    this.pci = board.pci();
    this.romOffset = romOffset;
    preset(STATUS, 2, 0x0280);
    // The chip has no subsystem ID; SeaBIOS asks fw_cfg only on a board with this one.
    preset(SUBSYSTEM, 4, 0x1100_1AF4);
    for (int register = PAM0; register <= PAM6; register++) {
      allow(register, 1, register == PAM0 ? 0x30 : 0x33);
    }
    int rows = Math.min(memory.memory().ramSize() >>> 23, 0xFF);
    for (int row = 0; row < 8; row++) {
      preset(DRB0 + row, 1, rows);
    }
    preset(SMRAM, 1, 0x02);
    allow(SMRAM, 1, 0x78);
    pci.plug(0, 0, this);
    board.ports().map(0xCF8, 4, 4, "PCI CONFADD", new ConfigAddress(resetControl));
    board.ports().map(0xCFC, 4, 4, "PCI CONFDATA", new ConfigData());
    java.util.Arrays.fill(attributes, -1);
    reset();
  }

  @Override
  protected void configWritten(int register, int width) {
    if (register <= PAM6 && register + width > PAM0) {
      mapShadow(12, TOP_BLOCK, 0x1_0000, readConfig(PAM0, 1) >>> 4);
      for (int i = 0; i < 12; i++) {
        int pam = readConfig(PAM0 + 1 + i / 2, 1);
        mapShadow(i, SHADOW + i * BLOCK, BLOCK, (i & 1) == 0 ? pam : pam >>> 4);
      }
    }
  }

  private void mapShadow(int index, int base, int size, int attribute) {
    attribute &= PAM_RE | PAM_WE;
    if (attribute == attributes[index]) {
      return;
    }
    attributes[index] = attribute;
    boolean reads = (attribute & PAM_RE) != 0;
    memory.mapRead(base, size, reads ? base : romOffset + base - SHADOW);
    if ((attribute & PAM_WE) != 0) {
      memory.mapWrite(base, size, base);
    } else {
      memory.unmapWrite(base, size);
    }
  }

  @Override
  public String name() {
    return "i440fx";
  }

  @Override
  public void reset() {
    address = 0;
    resetConfig();
  }

  @Override
  public State state() {
    return new State(configState(), address);
  }

  @Override
  public void restore(State state) {
    address = state.address();
    restoreConfig(state.config());
  }

  /** CF8h to CFBh: a doubleword is CONFADD; a byte at CF9h is the south bridge's. */
  private final class ConfigAddress implements IoHandler {
    private final IoHandler resetControl;

    ConfigAddress(IoHandler resetControl) {
      this.resetControl = resetControl;
    }

    @Override
    public int read(int offset, int width) {
      if (width == 4) {
        return address;
      }
      return offset == 1 && width == 1 ? resetControl.read(0, 1) : -1;
    }

    @Override
    public void write(int offset, int width, int value) {
      if (width == 4) {
        address = value & 0x80FF_FFFC;
      } else if (offset == 1 && width == 1) {
        resetControl.write(0, 1, value);
      }
    }
  }

  /** CFCh to CFFh. */
  private final class ConfigData implements IoHandler {
    private boolean selected() {
      return (address & ENABLE) != 0 && (address & 0x00FF_0000) == 0;
    }

    @Override
    public int read(int offset, int width) {
      return selected()
          ? pci.readConfig(address >>> 8 & 0xFF, (address & 0xFC) + offset, width)
          : -1;
    }

    @Override
    public void write(int offset, int width, int value) {
      if (selected()) {
        pci.writeConfig(address >>> 8 & 0xFF, (address & 0xFC) + offset, width, value);
      }
    }
  }
}
