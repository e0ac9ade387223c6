package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Power management: Intel 82371AB (PIIX4) data sheet (290562-001), function 3, with the register
 * meanings of the ACPI Specification 1.0, section 4.7.
 *
 * <pre>
 *  Function 0:1.3, 8086h:7113h
 *    40h  PMBA   bits 15-6 base of the power management ports     80h  PMREGMISC bit 0 enables them
 *    5Bh  bit 1 (APMC_EN of DEVACTB): set, so that firmware leaves SMM alone, which is not there
 *    90h  SMBBA  bits 15-4 base of the SMBus host's ports         D2h  SMBHSTCFG bit 0 enables them
 *  PMBA +00h PMSTS   bit 0 TMROF, 5 GBL, 8 PWRBTN, 10 RTC, 15 RSM; a written 1 clears
 *       +02h PMEN    the same bits enable the SCI
 *       +04h PMCNTRL bit 0 SCI_EN, 1 BRLD_EN_BM, 12-10 SUS_TYP, 13 SUS_EN
 *       +08h PMTMR   24 bits at 3.579545 MHz
 *       +0Ch GPSTS, +0Eh GPEN   also at AFE0h, where the tables of QEMU and SeaBIOS put GPE0
 *  B2h  APMC: F1h turns ACPI on (SCI_EN), F0h off       B3h  APMS: kept
 *  SMBus +0 status, +2 control, +3 command, +4 address, +5 +6 data: no one answers on the bus
 * </pre>
 *
 * <p>SUS_TYP 0 with SUS_EN is soft off, and so is 2 (suspend to disk, whose image the system has
 * written itself by then). The SCI is ISA interrupt 9.
 */
public final class PiixPm extends PciFunction implements Device<PiixPm.State> {

  /** Hertz of the power management timer. */
  public static final int TIMER_FREQUENCY = 3_579_545;

  /** SUS_TYP that {@code \_S5} names: soft off. */
  public static final int SLEEP_OFF = 0;

  /** SUS_TYP that {@code \_S4} names. */
  public static final int SLEEP_DISK = 2;

  /** Where GPE0 is found whatever the base. */
  public static final int GPE0_PORT = 0xAFE0;

  /** SMI_CMD of the FADT. */
  public static final int SMI_COMMAND = 0xB2;

  /** ACPI_ENABLE of the FADT. */
  public static final int ACPI_ENABLE = 0xF1;

  /** ACPI_DISABLE of the FADT. */
  public static final int ACPI_DISABLE = 0xF0;

  private static final int PMBA = 0x40;
  private static final int DEVACTB_APMC = 0x5B;
  private static final int PMREGMISC = 0x80;
  private static final int SMBBA = 0x90;
  private static final int SMBHSTCFG = 0xD2;

  private static final int PMSTS = 0x00;
  private static final int PMEN = 0x02;
  private static final int PMCNTRL = 0x04;
  private static final int PMTMR = 0x08;
  private static final int GPSTS = 0x0C;
  private static final int GPEN = 0x0E;

  private static final int TMROF = 1;
  private static final int PWRBTN = 1 << 8;
  private static final int RSM = 1 << 15;
  private static final int STATUS_BITS = 0x8D31;
  private static final int ENABLE_BITS = 0x0521;
  private static final int SCI_EN = 1;
  private static final int CONTROL_BITS = 0x1C03;
  private static final int SUS_EN = 1 << 13;

  private static final int TIMER_MASK = 0xFF_FFFF;

  /** TMROF is set whenever bit 23 changes. */
  private static final int OVERFLOW_SHIFT = 23;

  private static final int SMB_STATUS = 0;
  private static final int SMB_CONTROL = 2;
  private static final int SMB_START = 1 << 6;
  private static final int SMB_INTERRUPT = 1 << 1;
  private static final int SMB_DEVICE_ERROR = 1 << 2;
  private static final int SMB_STATUS_CLEARS = 0x1E;

  private static final long SECOND = 1_000_000_000L;

  /**
   * The registers.
   *
   * @param overflows changes of the timer's bit 23 that TMROF accounts for
   * @param smbus the SMBus host's 16 ports
   */
  public record State(
      byte[] config,
      int status,
      int enable,
      int control,
      int gpeStatus,
      int gpeEnable,
      int apmControl,
      int apmStatus,
      long overflows,
      byte[] smbus) {}

  private final Board board;
  private final VirtualClock clock;
  private final IrqLine sci;
  private final IntConsumer sleep;
  private final Runnable overflow = this::timerOverflows;
  private final IoHandler powerPorts = new PowerPorts();
  private final IoHandler smbusPorts = new SmbusPorts();
  private final byte[] smbus = new byte[16];
  private int powerBase = -1;
  private int smbusBase = -1;
  private int status;
  private int enable;
  private int control;
  private int gpeStatus;
  private int gpeEnable;
  private int apmControl;
  private int apmStatus;
  private long overflows;
  private EventQueue.@Nullable Event pending;

  /**
   * @param sci ISA interrupt 9
   * @param sleep told the SUS_TYP with which the guest turns the machine off: {@link #SLEEP_OFF} or
   *     {@link #SLEEP_DISK}
   */
  public PiixPm(Board board, IrqLine sci, IntConsumer sleep) {
    super(0x8086, 0x7113, 0x0680_0003);
    this.board = board;
    this.clock = board.clock();
    this.sci = sci;
    this.sleep = sleep;
    preset(STATUS, 2, 0x0280);
    preset(INTERRUPT_PIN, 1, 1);
    preset(PMBA, 4, 1);
    allow(PMBA, 4, 0xFFC0);
    preset(DEVACTB_APMC, 1, 0x02);
    allow(DEVACTB_APMC, 1, 0x02);
    allow(PMREGMISC, 1, 0x01);
    preset(SMBBA, 4, 1);
    allow(SMBBA, 4, 0xFFF0);
    allow(SMBHSTCFG, 1, 0x0F);
    board.pci().plug(1, 3, this);
    board.ports().map(SMI_COMMAND, 2, 1, "APM", new ApmPorts());
    board.ports().map(GPE0_PORT, 4, 1, "GPE0", new GpePorts());
    reset();
  }

  /** Someone pressed the power button: a guest with ACPI shuts down. */
  public void powerButton() {
    status |= PWRBTN;
    update();
  }

  /** Whether the guest has taken over from firmware, and so listens to the power button. */
  public boolean acpiEnabled() {
    return (control & SCI_EN) != 0;
  }

  private long ticks() {
    long nanos = clock.nanos();
    return nanos / SECOND * TIMER_FREQUENCY + nanos % SECOND * TIMER_FREQUENCY / SECOND;
  }

  private static long toNanos(long ticks) {
    return ticks / TIMER_FREQUENCY * SECOND
        + (ticks % TIMER_FREQUENCY * SECOND + TIMER_FREQUENCY - 1) / TIMER_FREQUENCY;
  }

  private void account() {
    long now = ticks() >>> OVERFLOW_SHIFT;
    if (now != overflows) {
      overflows = now;
      status |= TMROF;
    }
  }

  private void timerOverflows() {
    pending = null;
    account();
    update();
  }

  private void update() {
    boolean level = (status & enable & ENABLE_BITS) != 0 || (gpeStatus & gpeEnable) != 0;
    sci.set(level && (control & SCI_EN) != 0);
    boolean wanted = (enable & TMROF) != 0 && (status & TMROF) == 0;
    if (wanted && pending == null) {
      long next = overflows + 1 << OVERFLOW_SHIFT;
      pending = board.events().at(toNanos(next), "pm timer", overflow);
    } else if (!wanted && pending != null) {
      board.events().cancel(pending);
      pending = null;
    }
  }

  /** The block at PMBA; by byte but for the timer, so that any width works. */
  private final class PowerPorts implements IoHandler {
    @Override
    public int read(int offset, int width) {
      int aligned = offset & ~3;
      int value =
          switch (aligned) {
            case PMSTS -> {
              account();
              yield status | enable << 16;
            }
            case PMCNTRL -> control;
            case PMTMR -> (int) ticks() & TIMER_MASK;
            case GPSTS -> gpeStatus | gpeEnable << 16;
            default -> 0;
          };
      return value >>> 8 * (offset & 3);
    }

    @Override
    public void write(int offset, int width, int value) {
      for (int i = 0; i < width; i++) {
        writeByte(offset + i, value >>> 8 * i & 0xFF);
      }
      update();
      if (offset <= PMCNTRL + 1 && offset + width > PMCNTRL + 1) {
        suspend(value >>> 8 * (PMCNTRL + 1 - offset) & 0xFF);
      }
    }

    private void writeByte(int offset, int value) {
      int shift = 8 * (offset & 1);
      int bits = value << shift;
      int others = ~(0xFF << shift);
      switch (offset & ~1) {
        case PMSTS -> {
          account();
          status &= ~(bits & STATUS_BITS);
        }
        case PMEN -> {
          account();
          enable = enable & others | bits & ENABLE_BITS;
        }
        case PMCNTRL -> control = control & others | bits & CONTROL_BITS;
        case GPSTS -> gpeStatus &= ~bits;
        case GPEN -> gpeEnable = gpeEnable & others | bits;
        default -> {
          // The timer and what is not there are read only.
        }
      }
    }

    private void suspend(int highByte) {
      if ((highByte << 8 & SUS_EN) == 0) {
        return;
      }
      int type = highByte >>> 2 & 7;
      if (type == SLEEP_OFF || type == SLEEP_DISK) {
        sleep.accept(type);
      } else {
        // No other state is entered: it is as if the machine woke at once.
        status |= RSM;
        update();
      }
    }
  }

  private final class GpePorts implements IoHandler {
    @Override
    public int read(int offset, int width) {
      return powerPorts.read(GPSTS + offset, width);
    }

    @Override
    public void write(int offset, int width, int value) {
      powerPorts.write(GPSTS + offset, width, value);
    }
  }

  private final class ApmPorts implements IoHandler {
    @Override
    public int read(int offset, int width) {
      return offset == 0 ? apmControl : apmStatus;
    }

    @Override
    public void write(int offset, int width, int value) {
      if (offset == 1) {
        apmStatus = value;
        return;
      }
      apmControl = value;
      if (value == ACPI_ENABLE) {
        control |= SCI_EN;
      } else if (value == ACPI_DISABLE) {
        control &= ~SCI_EN;
      }
      update();
    }
  }

  private final class SmbusPorts implements IoHandler {
    @Override
    public int read(int offset, int width) {
      return smbus[offset];
    }

    @Override
    public void write(int offset, int width, int value) {
      if (offset == SMB_STATUS) {
        smbus[SMB_STATUS] &= (byte) ~(value & SMB_STATUS_CLEARS);
      } else if (offset == SMB_CONTROL) {
        smbus[SMB_CONTROL] = (byte) (value & ~SMB_START);
        if ((value & SMB_START) != 0) {
          // The address is never acknowledged.
          smbus[SMB_STATUS] = SMB_DEVICE_ERROR | SMB_INTERRUPT;
        }
      } else {
        smbus[offset] = (byte) value;
      }
    }
  }

  @Override
  protected void configWritten(int register, int width) {
    int power = (readConfig(PMREGMISC, 1) & 1) != 0 ? readConfig(PMBA, 2) & 0xFFC0 : 0;
    powerBase = move(powerBase, power, 64, "ACPI", 4, powerPorts);
    int bus = (readConfig(SMBHSTCFG, 1) & 1) != 0 ? readConfig(SMBBA, 2) & 0xFFF0 : 0;
    smbusBase = move(smbusBase, bus, 16, "SMBus", 1, smbusPorts);
  }

  private int move(int from, int to, int count, String name, int width, IoHandler handler) {
    if (from != to) {
      if (from > 0) {
        board.ports().unmap(from, count, handler);
      }
      if (to > 0) {
        board.ports().map(to, count, width, name, handler);
      }
    }
    return to;
  }

  @Override
  public String name() {
    return "piix-pm";
  }

  @Override
  public void reset() {
    status = enable = control = gpeStatus = gpeEnable = apmControl = apmStatus = 0;
    overflows = ticks() >>> OVERFLOW_SHIFT;
    java.util.Arrays.fill(smbus, (byte) 0);
    resetConfig();
    update();
  }

  @Override
  public State state() {
    return new State(
        configState(),
        status,
        enable,
        control,
        gpeStatus,
        gpeEnable,
        apmControl,
        apmStatus,
        overflows,
        smbus.clone());
  }

  @Override
  public void restore(State state) {
    status = state.status();
    enable = state.enable();
    control = state.control();
    gpeStatus = state.gpeStatus();
    gpeEnable = state.gpeEnable();
    apmControl = state.apmControl();
    apmStatus = state.apmStatus();
    overflows = state.overflows();
    System.arraycopy(state.smbus(), 0, smbus, 0, Math.min(16, state.smbus().length));
    restoreConfig(state.config());
    if (pending != null) {
      board.events().cancel(pending);
      pending = null;
    }
    update();
  }
}
