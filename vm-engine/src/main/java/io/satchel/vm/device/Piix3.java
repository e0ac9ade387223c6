package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.bus.PciFunction;

/**
 * The PCI-to-ISA bridge: Intel 82371SB (PIIX3) data sheet (290550-002), function 0.
 *
 * <pre>
 *  Function 0:1.0, 8086h:7000h
 *    4Ch IORT   4Eh-4Fh XBCS   69h TOM   kept
 *    60h-63h    PIRQRCA-PIRQRCD: bit 7 not routed, bits 3-0 the ISA interrupt
 *  CF9h  RST_CNT: bit 1 hard reset, bit 2 reset: a change from 0 to 1 pulses RESET
 * </pre>
 *
 * <p>Function {@code f} of device {@code d} that drives INTA# + {@code p} (0 to 3) drives
 * PIRQ{@code (p + d - 1) & 3}: the wiring that SeaBIOS, QEMU's tables and ours agree on. An ISA
 * interrupt and the PIRQs routed to it are one line, which goes to the 8259s and to the I/O APIC;
 * there input 2 is the timer's.
 */
public final class Piix3 extends PciFunction implements Device<Piix3.State> {

  private static final int PIRQRC = 0x60;
  private static final int PIRQ_NOT_ROUTED = 0x80;
  private static final int ROUTABLE = 0b1101_1110_1111_1000;
  private static final int RESET_HARD = 1 << 1;
  private static final int RESET_CPU = 1 << 2;

  /**
   * The bridge.
   *
   * @param isaLines levels that ISA devices drive
   * @param pinDrivers by PIRQ, four words each: a bit for each of the 256 functions that holds it
   */
  public record State(byte[] config, int isaLines, long[] pinDrivers, int resetControl) {}

  private final Runnable initLine;
  private final Runnable resetLine;
  private final IrqLine[] isa = new IrqLine[16];
  private final IrqLine[] picInputs = new IrqLine[16];
  private final IrqLine[] apicInputs = new IrqLine[16];

  /** By PIRQ, four words of 64 functions: who holds it. */
  private final long[] pinDrivers = new long[16];

  private int isaLines;
  private int resetControl;

  /**
   * @param initLine pulses the processor's INIT
   * @param resetLine pulses CPURST, PCIRST# and RSTDRV: the whole board's reset
   */
  public Piix3(Board board, Pic8259 pic, IoApic ioApic, Runnable initLine, Runnable resetLine) {
    super(0x8086, 0x7000, 0x0601_0000);
    this.initLine = initLine;
    this.resetLine = resetLine;
    preset(COMMAND, 2, 0x0007);
    preset(STATUS, 2, 0x0200);
    preset(HEADER_TYPE, 1, 0x80);
    preset(0x4C, 1, 0x4D);
    allow(0x4C, 1, 0x7F);
    preset(0x4E, 2, 0x0003);
    allow(0x4E, 2, 0x01FF);
    preset(0x69, 1, 0x02);
    allow(0x69, 1, 0xFE);
    for (int i = 0; i < 4; i++) {
      preset(PIRQRC + i, 1, PIRQ_NOT_ROUTED);
      allow(PIRQRC + i, 1, 0x8F);
    }
    for (int i = 0; i < 16; i++) {
      int irq = i;
      isa[i] = level -> driveIsa(irq, level);
      picInputs[i] = pic.input(i);
      apicInputs[i] = i == 2 ? IrqLine.UNCONNECTED : ioApic.input(i == 0 ? 2 : i);
    }
    board.pci().plug(1, 0, this);
    board.pci().routeIntx(this::driveIntx);
    reset();
  }

  /** ISA interrupt 0 to 15 as a device on the board drives it. */
  public IrqLine isa(int irq) {
    return isa[irq];
  }

  /** Port CF9h, for {@link I440fx}. */
  public IoHandler resetControl() {
    return new IoHandler() {
      @Override
      public int read(int offset, int width) {
        return resetControl;
      }

      @Override
      public void write(int offset, int width, int value) {
        int rises = value & ~resetControl;
        resetControl = value & (RESET_HARD | RESET_CPU);
        if ((rises & RESET_CPU) != 0) {
          ((resetControl & RESET_HARD) != 0 ? resetLine : initLine).run();
        }
      }
    };
  }

  private void driveIsa(int irq, boolean level) {
    int bit = 1 << irq;
    isaLines = level ? isaLines | bit : isaLines & ~bit;
    update(irq);
  }

  private void driveIntx(int source, int pin, boolean level) {
    int pirq = pin + (source >>> 3) - 1 & 3;
    int word = pirq << 2 | source >>> 6;
    long bit = 1L << (source & 63);
    pinDrivers[word] = level ? pinDrivers[word] | bit : pinDrivers[word] & ~bit;
    int route = route(pirq);
    if (route >= 0) {
      update(route);
    }
  }

  private boolean held(int pirq) {
    int word = pirq << 2;
    return (pinDrivers[word] | pinDrivers[word + 1] | pinDrivers[word + 2] | pinDrivers[word + 3])
        != 0;
  }

  /** The ISA interrupt that a PIRQ goes to, or -1. */
  private int route(int pirq) {
    int control = readConfig(PIRQRC + pirq, 1);
    int irq = control & 15;
    return (control & PIRQ_NOT_ROUTED) != 0 || (ROUTABLE & 1 << irq) == 0 ? -1 : irq;
  }

  private void update(int irq) {
    boolean level = (isaLines & 1 << irq) != 0;
    for (int pirq = 0; pirq < 4 && !level; pirq++) {
      level = route(pirq) == irq && held(pirq);
    }
    picInputs[irq].set(level);
    apicInputs[irq].set(level);
  }

  @Override
  protected void configWritten(int register, int width) {
    if (register < PIRQRC + 4 && register + width > PIRQRC) {
      for (int irq = 0; irq < 16; irq++) {
        update(irq);
      }
    }
  }

  @Override
  public String name() {
    return "piix3";
  }

  /** RST_CNT outlives the reset that it caused only as zero; the lines belong to their drivers. */
  @Override
  public void reset() {
    resetControl = 0;
    resetConfig();
  }

  @Override
  public State state() {
    return new State(configState(), isaLines, pinDrivers.clone(), resetControl);
  }

  @Override
  public void restore(State state) {
    isaLines = state.isaLines();
    System.arraycopy(state.pinDrivers(), 0, pinDrivers, 0, Math.min(16, state.pinDrivers().length));
    resetControl = state.resetControl();
    restoreConfig(state.config());
  }
}
