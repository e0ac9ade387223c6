package io.satchel.vm.device;

import io.satchel.vm.bus.IoHandler;
import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.time.EventQueue;
import io.satchel.vm.time.VirtualClock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import org.jspecify.annotations.Nullable;

/**
 * The real-time clock and its battery-backed RAM: Motorola MC146818A data sheet; the use of the
 * RAM: IBM PC/AT Technical Reference, and Ralf Brown's CMOS list.
 *
 * <pre>
 *  70h  write: bits 6-0 index, bit 7 NMI mask; reads as all ones
 *  71h  the register at the index
 *
 *  00h 02h 04h  seconds, minutes, hours        01h 03h 05h  alarm (C0h-FFh: any)
 *  06h 07h 08h 09h  day of week (1 is Sunday), day, month, year        32h  century, BCD
 *  0Ah A: bit 7 UIP, bits 6-4 DV (010 runs, 11x holds), bits 3-0 RS (periodic rate)
 *  0Bh B: bit 7 SET, 6 PIE, 5 AIE, 4 UIE, 3 SQWE, 2 DM (1 binary), 1 24/12, 0 DSE
 *  0Ch C: bit 7 IRQF, 6 PF, 5 AF, 4 UF; reading clears it
 *  0Dh D: bit 7 VRT
 * </pre>
 *
 * <p>Time goes on with virtual time from the date given at power-on. Daylight saving (DSE) is
 * stored and does nothing, as on most successors of the chip.
 */
public final class Cmos implements Device<Cmos.State>, IoHandler {

  public static final int SECONDS = 0x00;
  public static final int SECONDS_ALARM = 0x01;
  public static final int MINUTES = 0x02;
  public static final int MINUTES_ALARM = 0x03;
  public static final int HOURS = 0x04;
  public static final int HOURS_ALARM = 0x05;
  public static final int DAY_OF_WEEK = 0x06;
  public static final int DAY = 0x07;
  public static final int MONTH = 0x08;
  public static final int YEAR = 0x09;
  public static final int REGISTER_A = 0x0A;
  public static final int REGISTER_B = 0x0B;
  public static final int REGISTER_C = 0x0C;
  public static final int REGISTER_D = 0x0D;
  public static final int DIAGNOSTIC = 0x0E;
  public static final int SHUTDOWN = 0x0F;

  /** Processors beside the first: SeaBIOS waits until so many have answered. */
  public static final int PROCESSORS = 0x5F;

  public static final int FLOPPY_TYPES = 0x10;
  public static final int DISK_TYPES = 0x12;
  public static final int EQUIPMENT = 0x14;
  public static final int BASE_MEMORY = 0x15;
  public static final int EXTENDED_MEMORY = 0x17;
  public static final int CHECKSUM = 0x2E;
  public static final int EXTENDED_MEMORY_POST = 0x30;
  public static final int CENTURY = 0x32;

  /** Memory above 16 MiB in units of 64 KiB, as QEMU's firmware interface has it. */
  public static final int HIGH_MEMORY = 0x34;

  private static final int CHECKED_FIRST = 0x10;
  private static final int CHECKED_LAST = 0x2D;

  private static final int A_UIP = 0x80;
  private static final int A_DV = 0x70;
  private static final int A_DV_RUN = 0x20;
  private static final int A_RS = 0x0F;
  private static final int B_SET = 0x80;
  private static final int B_PIE = 0x40;
  private static final int B_AIE = 0x20;
  private static final int B_UIE = 0x10;
  private static final int B_SQWE = 0x08;
  private static final int B_DM = 0x04;
  private static final int B_24 = 0x02;
  private static final int C_IRQF = 0x80;
  private static final int C_PF = 0x40;
  private static final int C_AF = 0x20;
  private static final int C_UF = 0x10;
  private static final int D_VRT = 0x80;
  private static final int PM = 0x80;
  private static final int ALARM_ANY = 0xC0;

  private static final long SECOND = 1_000_000_000L;

  /** From the rise of UIP to the end of the update: t(BUC) 244 us and t(UC) 1984 us. */
  private static final long UIP_NANOS = (244 + 1984) * 1000L;

  /** After the divider is let go, the first update comes half a second later. */
  private static final long FIRST_UPDATE = SECOND / 2;

  private static final int DIVIDER_HERTZ = 32_768;
  private static final long SECONDS_PER_DAY = 86_400;

  /** Seconds around 1970 that LocalDateTime is asked for, whatever a saved state says. */
  private static final long LATEST = 400_000_000_000L;

  private static final long NEVER = Long.MAX_VALUE;

  /**
   * The clock and RAM.
   *
   * @param ram all registers; those of time as last computed
   * @param epoch virtual time at which the clock showed {@code epochSeconds}, in nanoseconds
   * @param epochSeconds seconds since 1970 in the clock's own zone
   * @param shown the second that the registers of time show, unless a write changed them since
   * @param periods divider periods up to which PF is accounted for
   * @param updates updates up to which UF and AF are accounted for
   */
  public record State(
      byte[] ram,
      int index,
      boolean nmiMasked,
      long epoch,
      long epochSeconds,
      long shown,
      int flags,
      long periods,
      long updates) {}

  private final VirtualClock clock;
  private final EventQueue events;
  private final IrqLine irq8;
  private final Runnable due = this::eventDue;
  private final byte[] ram = new byte[128];
  private int index;
  private boolean nmiMasked;
  private long epoch;
  private long epochSeconds;
  private int flags;
  private long periods;
  private long updates;
  private long shown = Long.MIN_VALUE;
  private boolean line;
  private EventQueue.@Nullable Event pending;

  /**
   * @param date what the clock shows at this moment of virtual time; years 1900 to 9999
   */
  public Cmos(Board board, IrqLine irq8, LocalDateTime date) {
    this.clock = board.clock();
    this.events = board.events();
    this.irq8 = irq8;
    epoch = clock.nanos();
    epochSeconds = date.toEpochSecond(ZoneOffset.UTC);
    ram[REGISTER_A] = 0x26;
    ram[REGISTER_B] = B_24;
    board.ports().map(0x70, 2, 1, "RTC", this);
    show(epochSeconds);
    reset();
  }

  /** The byte at {@code register} (0 to 127), as the processor would read it, without effects. */
  public int get(int register) {
    refresh();
    return ram[register] & 0xFF;
  }

  /** Sets a byte of the RAM (0Eh to 7Fh): for firmware. */
  public void set(int register, int value) {
    ram[register] = (byte) value;
  }

  /**
   * Writes what a set-up program leaves behind: memory sizes, equipment, drive types and the
   * checksum.
   *
   * @param ramBytes all RAM
   * @param floppyA type of drive A: 0 none, 1 360K, 2 1.2M, 3 720K, 4 1.44M, 5 2.88M
   * @param floppyB type of drive B
   */
  public void setUp(long ramBytes, int floppyA, int floppyB) {
    int drives = (floppyA != 0 ? 1 : 0) + (floppyB != 0 ? 1 : 0);
    long extendedKib = Math.clamp((ramBytes >> 10) - 1024, 0, 0xFFFF);
    long highUnits = Math.clamp((ramBytes >> 16) - 256, 0, 0xFFFF);
    set(FLOPPY_TYPES, floppyA << 4 | floppyB);
    // Bit 0 floppy present, bit 1 coprocessor, bit 2 pointing device, bits 7-6 drives less one.
    set(EQUIPMENT, drives == 0 ? 0x06 : 0x07 | drives - 1 << 6);
    setWord(BASE_MEMORY, 640);
    setWord(EXTENDED_MEMORY, (int) extendedKib);
    setWord(EXTENDED_MEMORY_POST, (int) extendedKib);
    setWord(HIGH_MEMORY, (int) highUnits);
    set(DIAGNOSTIC, 0);
    updateChecksum();
  }

  private void setWord(int register, int value) {
    set(register, value);
    set(register + 1, value >>> 8);
  }

  /** Stores the sum of 10h to 2Dh at 2Eh, high byte first. */
  public void updateChecksum() {
    int sum = sum();
    set(CHECKSUM, sum >>> 8);
    set(CHECKSUM + 1, sum);
  }

  /** Whether the stored sum is right. */
  public boolean checksumValid() {
    return sum() == ((ram[CHECKSUM] & 0xFF) << 8 | ram[CHECKSUM + 1] & 0xFF);
  }

  private int sum() {
    int sum = 0;
    for (int i = CHECKED_FIRST; i <= CHECKED_LAST; i++) {
      sum += ram[i] & 0xFF;
    }
    return sum & 0xFFFF;
  }

  /** Whether bit 7 of port 70h keeps NMIs from the processor. */
  public boolean nmiMasked() {
    return nmiMasked;
  }

  @Override
  public int read(int offset, int width) {
    if (offset == 0) {
      return 0xFF;
    }
    switch (index) {
      case REGISTER_A -> {
        return ram[REGISTER_A] & ~A_UIP | (updateInProgress() ? A_UIP : 0);
      }
      case REGISTER_C -> {
        return readFlags();
      }
      case REGISTER_D -> {
        return D_VRT;
      }
      default -> {
        if (index <= YEAR || index == CENTURY) {
          refresh();
        }
        return ram[index];
      }
    }
  }

  @Override
  public void write(int offset, int width, int value) {
    if (offset == 0) {
      index = value & 0x7F;
      nmiMasked = (value & 0x80) != 0;
      return;
    }
    switch (index) {
      case SECONDS_ALARM, MINUTES_ALARM, HOURS_ALARM -> {
        account();
        ram[index] = (byte) value;
      }
      case SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY, MONTH, YEAR, CENTURY -> {
        account();
        refresh();
        ram[index] = (byte) value;
        if (running()) {
          // Written while it runs: the fraction of the second goes on.
          long second = Math.floorDiv(clock.nanos() - epoch, SECOND);
          epochSeconds = fromRegisters() - second;
          shown = epochSeconds + second;
        }
      }
      case REGISTER_A -> writeA(value);
      case REGISTER_B -> writeB(value);
      case REGISTER_C, REGISTER_D -> {
        // Read only.
      }
      default -> ram[index] = (byte) value;
    }
  }

  private void writeA(int value) {
    account();
    refresh();
    boolean ran = dividerRuns();
    ram[REGISTER_A] = (byte) (value & ~A_UIP);
    if (!ran && dividerRuns()) {
      epoch = clock.nanos() - FIRST_UPDATE;
      epochSeconds = fromRegisters();
    }
    restartAccounts();
    schedule();
  }

  private void writeB(int value) {
    account();
    refresh();
    int before = ram[REGISTER_B] & 0xFF;
    if ((value & B_SET) != 0) {
      value &= ~B_UIE;
    }
    if (((before ^ value) & (B_DM | B_24)) != 0 && (before & value & B_SET) == 0) {
      // The time goes on in the new form.
      ram[REGISTER_B] = (byte) (before & ~(B_DM | B_24) | value & (B_DM | B_24));
      shown = Long.MIN_VALUE;
    }
    ram[REGISTER_B] = (byte) value;
    if ((before & B_SET) != 0 && (value & B_SET) == 0) {
      long phase = Math.floorMod(clock.nanos() - epoch, SECOND);
      epoch = clock.nanos() - phase;
      epochSeconds = fromRegisters();
      restartAccounts();
    }
    updateLine();
    schedule();
  }

  private boolean dividerRuns() {
    return (ram[REGISTER_A] & A_DV) == A_DV_RUN;
  }

  private boolean running() {
    return dividerRuns() && (ram[REGISTER_B] & B_SET) == 0;
  }

  private boolean updateInProgress() {
    return running() && Math.floorMod(clock.nanos() - epoch, SECOND) >= SECOND - UIP_NANOS;
  }

  /** Brings the time registers up to date. */
  private void refresh() {
    if (running()) {
      long now = epochSeconds + Math.floorDiv(clock.nanos() - epoch, SECOND);
      if (now != shown) {
        show(now);
      }
    }
  }

  private void show(long seconds) {
    shown = seconds;
    LocalDateTime time = LocalDateTime.ofEpochSecond(seconds, 0, ZoneOffset.UTC);
    ram[SECONDS] = encode(time.getSecond());
    ram[MINUTES] = encode(time.getMinute());
    int hour = time.getHour();
    if ((ram[REGISTER_B] & B_24) != 0) {
      ram[HOURS] = encode(hour);
    } else {
      ram[HOURS] = (byte) (encode((hour + 11) % 12 + 1) | (hour >= 12 ? PM : 0));
    }
    ram[DAY_OF_WEEK] = encode(time.getDayOfWeek().getValue() % 7 + 1);
    ram[DAY] = encode(time.getDayOfMonth());
    ram[MONTH] = encode(time.getMonthValue());
    ram[YEAR] = encode(Math.floorMod(time.getYear(), 100));
    ram[CENTURY] = toBcd(Math.floorMod(time.getYear() / 100, 100));
  }

  private byte encode(int value) {
    return (ram[REGISTER_B] & B_DM) != 0 ? (byte) value : toBcd(value);
  }

  private static byte toBcd(int value) {
    return (byte) (value / 10 << 4 | value % 10);
  }

  private static int fromBcd(int value) {
    return (value >>> 4 & 15) * 10 + (value & 15);
  }

  private int decode(int value) {
    return (ram[REGISTER_B] & B_DM) != 0 ? value & 0xFF : fromBcd(value);
  }

  private int decodeHour(int value) {
    if ((ram[REGISTER_B] & B_24) != 0) {
      return decode(value);
    }
    return decode(value & 0x7F) % 12 + ((value & PM) != 0 ? 12 : 0);
  }

  /** What the time registers say; a day that does not exist runs on into the next month. */
  private long fromRegisters() {
    int year = fromBcd(ram[CENTURY]) * 100 + decode(ram[YEAR]);
    int month = Math.clamp(decode(ram[MONTH]), 1, 12);
    return LocalDateTime.of(Math.clamp(year, 1, 9999), month, 1, 0, 0).toEpochSecond(ZoneOffset.UTC)
        + (decode(ram[DAY]) - 1) * SECONDS_PER_DAY
        + decodeHour(ram[HOURS]) * 3600L
        + decode(ram[MINUTES]) * 60L
        + decode(ram[SECONDS]);
  }

  /** Clocks of the 32,768 Hz divider in a periodic interrupt's period, or 0. */
  private int periodClocks() {
    int rate = ram[REGISTER_A] & A_RS;
    if (rate == 0 || !dividerRuns()) {
      return 0;
    }
    return 1 << (rate <= 2 ? rate + 6 : rate - 1);
  }

  private long periodsAt(long nanos) {
    int clocks = periodClocks();
    return clocks == 0 ? 0 : dividerClocks(nanos) / clocks;
  }

  private long dividerClocks(long nanos) {
    long time = Math.max(0, nanos - epoch);
    return time / SECOND * DIVIDER_HERTZ + time % SECOND * DIVIDER_HERTZ / SECOND;
  }

  private long updatesAt(long nanos) {
    return running() ? Math.floorDiv(nanos - epoch, SECOND) : 0;
  }

  private void restartAccounts() {
    long now = clock.nanos();
    periods = periodsAt(now);
    updates = updatesAt(now);
  }

  /** Sets PF, UF and AF for what has happened since the last time. */
  private void account() {
    long now = clock.nanos();
    long nowPeriods = periodsAt(now);
    if (nowPeriods > periods) {
      flags |= C_PF;
      periods = nowPeriods;
    }
    long nowUpdates = updatesAt(now);
    if (nowUpdates > updates) {
      flags |= C_UF;
      if ((flags & C_AF) == 0) {
        long oldest = Math.max(updates + 1, nowUpdates - SECONDS_PER_DAY);
        for (long update = nowUpdates; update >= oldest; update--) {
          if (alarmMatches(epochSeconds + update)) {
            flags |= C_AF;
            break;
          }
        }
      }
      updates = nowUpdates;
    }
  }

  private boolean alarmMatches(long seconds) {
    int time = (int) Math.floorMod(seconds, SECONDS_PER_DAY);
    int second = ram[SECONDS_ALARM] & 0xFF;
    int minute = ram[MINUTES_ALARM] & 0xFF;
    int hour = ram[HOURS_ALARM] & 0xFF;
    return (second >= ALARM_ANY || decode(second) == time % 60)
        && (minute >= ALARM_ANY || decode(minute) == time / 60 % 60)
        && (hour >= ALARM_ANY || decodeHour(hour) == time / 3600);
  }

  private int readFlags() {
    account();
    updateLine();
    int value = flags | (line ? C_IRQF : 0);
    flags = 0;
    updateLine();
    schedule();
    return value;
  }

  private void updateLine() {
    boolean level = (flags & ram[REGISTER_B] & (B_PIE | B_AIE | B_UIE)) != 0;
    if (level != line) {
      line = level;
      irq8.set(level);
    }
  }

  private void eventDue() {
    pending = null;
    account();
    updateLine();
    schedule();
  }

  /** Enters the next moment that may raise the line; none while it is high. */
  private void schedule() {
    if (pending != null) {
      events.cancel(pending);
      pending = null;
    }
    long next = NEVER;
    int enabled = ram[REGISTER_B];
    int clocks = periodClocks();
    if (!line && (enabled & B_PIE) != 0 && clocks != 0) {
      long at = (periods + 1) * clocks;
      next =
          epoch
              + at / DIVIDER_HERTZ * SECOND
              + (at % DIVIDER_HERTZ * SECOND + DIVIDER_HERTZ - 1) / DIVIDER_HERTZ;
    }
    if (!line && (enabled & (B_UIE | B_AIE)) != 0 && running()) {
      next = Math.min(next, epoch + (updates + 1) * SECOND);
    }
    if (next != NEVER) {
      pending = events.at(next, "rtc", due);
    }
  }

  @Override
  public String name() {
    return "rtc";
  }

  /** RESET# clears the interrupt enables and flags; time and RAM live on the battery. */
  @Override
  public void reset() {
    account();
    ram[REGISTER_B] &= (byte) ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    flags = 0;
    index = 0;
    nmiMasked = false;
    updateLine();
    schedule();
  }

  @Override
  public State state() {
    return new State(
        ram.clone(), index, nmiMasked, epoch, epochSeconds, shown, flags, periods, updates);
  }

  @Override
  public void restore(State state) {
    System.arraycopy(state.ram(), 0, ram, 0, Math.min(ram.length, state.ram().length));
    index = state.index() & 0x7F;
    nmiMasked = state.nmiMasked();
    epoch = state.epoch();
    epochSeconds = Math.clamp(state.epochSeconds(), -LATEST, LATEST);
    flags = state.flags();
    periods = state.periods();
    updates = state.updates();
    shown = state.shown();
    line = (flags & ram[REGISTER_B] & (B_PIE | B_AIE | B_UIE)) != 0;
    irq8.set(line);
    schedule();
  }
}
