package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Port 92h, the A20 gate, and the debug ports. */
class SmallPortsTests {

  private final TestBoard rig = new TestBoard();

  @Test
  void port92OpensA20AndResetsOnARise() {
    TestBoard.Probe a20 = new TestBoard.Probe();
    List<String> resets = new ArrayList<>();
    new Port92(rig.board, a20, () -> resets.add("reset"));
    rig.out(0x92, 2);
    assertThat(a20.level).isTrue();
    assertThat(rig.in(0x92)).isEqualTo(2);
    rig.out(0x92, 3);
    rig.out(0x92, 3);
    assertThat(resets).hasSize(1);
  }

  @Test
  void a20IsOpenWhileEitherDriverHoldsIt() {
    TestBoard.Probe a20 = new TestBoard.Probe();
    OrGate gate = new OrGate(a20);
    var one = gate.input();
    var other = gate.input();
    one.raise();
    other.raise();
    one.lower();
    assertThat(a20.level).isTrue();
    other.lower();
    assertThat(a20.level).isFalse();
    assertThat(a20.rises).isEqualTo(1);
  }

  @Test
  void debugPortsTellTheHost() {
    List<String> told = new ArrayList<>();
    new DebugPorts(
        rig.board,
        value -> told.add("post " + value),
        value -> told.add("console " + value),
        value -> told.add("exit " + value));
    rig.out(0x80, 0x31);
    assertThat(rig.in(0x80)).isEqualTo(0x31);
    rig.out(0xE9, 'S');
    assertThat(rig.in(0xE9)).isEqualTo(0xE9);
    rig.out(0x402, 'B');
    assertThat(rig.in(0x402)).isEqualTo(0xE9);
    rig.ports.write(0xF4, 4, 0x10);
    rig.out(0xF4, 1);
    assertThat(told).containsExactly("post 49", "console 83", "console 66", "exit 16", "exit 1");
  }

  @Test
  void withoutAnExitTheExitPortIsNotThere() {
    new DebugPorts(rig.board, value -> {}, value -> {}, null);
    assertThat(rig.in(0xF4)).isEqualTo(0xFF);
  }
}
