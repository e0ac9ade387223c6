package io.satchel.vm.device;

import io.satchel.vm.bus.IrqLine;
import io.satchel.vm.host.AudioSink;
import io.satchel.vm.host.Key;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Random;

/** The devices of this package's chipset wired as on the board. */
final class Chipset {

  final TestBoard rig = new TestBoard();
  final Board board = rig.board;
  final FakeCore core = new FakeCore();
  final ApicBus apicBus = new ApicBus(board);
  final Pic8259 pic;
  final LocalApic lapic;
  final IoApic ioApic;
  final Piix3 piix3;
  final I440fx bridge;
  final PiixPm pm;
  final Hpet hpet;
  final Pit8254 pit;
  final Cmos cmos;
  final I8042 i8042;
  final Uart16550 uart;
  final FwCfg fwCfg;
  final List<Device<?>> devices;

  Chipset() {
    int rom = rig.memory.allocate(I440fx.ROM_SIZE);
    IrqLine[] lint0 = {IrqLine.UNCONNECTED};
    pic = new Pic8259(board, level -> lint0[0].set(level));
    lapic = new LocalApic(board, apicBus, 0, core, pic);
    lint0[0] = lapic.lint0();
    ioApic = new IoApic(board, apicBus);
    piix3 = new Piix3(board, pic, ioApic, () -> {}, () -> {});
    bridge = new I440fx(board, rom, piix3.resetControl());
    pm = new PiixPm(board, piix3.isa(9), type -> {});
    hpet = new Hpet(board, piix3.isa(0), piix3.isa(8), ioApic);
    pit = new Pit8254(board, hpet.timerLine(), AudioSink.NONE);
    cmos = new Cmos(board, hpet.clockLine(), LocalDateTime.of(2003, 4, 5, 6, 7, 8));
    OrGate a20 = new OrGate(IrqLine.UNCONNECTED);
    i8042 = new I8042(board, piix3.isa(1), piix3.isa(12), a20.input(), () -> {});
    Port92 port92 = new Port92(board, a20.input(), () -> {});
    DebugPorts debug = new DebugPorts(board, value -> {}, value -> {}, null);
    uart = new Uart16550(board, "uart0", 0x3F8, piix3.isa(4), value -> {});
    fwCfg = new FwCfg(board, TestBoard.RAM, 1);
    devices =
        List.of(
            pic, lapic, ioApic, piix3, bridge, pm, hpet, pit, cmos, i8042, port92, debug, uart,
            fwCfg);
  }

  void stimulate(Random random) {
    switch (random.nextInt(4)) {
      case 0 -> i8042.key(Key.values()[random.nextInt(Key.values().length)], random.nextBoolean());
      case 1 ->
          i8042.pointer(
              random.nextInt(-300, 300),
              random.nextInt(-300, 300),
              random.nextInt(-2, 3),
              random.nextInt(32));
      case 2 -> uart.receive(random.nextInt(256));
      default -> pm.powerButton();
    }
  }

  /** A processor that only notes what it is told. */
  static final class FakeCore implements LocalApic.Core {
    boolean intr;
    int nmis;
    int inits;
    int startPage = -1;

    @Override
    public void intr(boolean level) {
      intr = level;
    }

    @Override
    public void nmi() {
      nmis++;
    }

    @Override
    public void init() {
      inits++;
    }

    @Override
    public void startUp(int page) {
      startPage = page;
    }
  }
}
