package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** PC16550D data sheet, register by register. */
class Uart16550Tests {

  private static final int BASE = 0x3F8;

  private final TestBoard rig = new TestBoard();
  private final TestBoard.Probe irq = new TestBoard.Probe();
  private final StringBuilder sent = new StringBuilder();
  private final Uart16550 uart =
      new Uart16550(rig.board, "uart0", BASE, irq, value -> sent.append((char) value));

  private int get(int register) {
    return rig.in(BASE + register);
  }

  private void set(int register, int value) {
    rig.out(BASE + register, value);
  }

  private void receive(String text) {
    for (byte value : text.getBytes(StandardCharsets.US_ASCII)) {
      uart.receive(value & 0xFF);
    }
  }

  @Test
  void theDivisorIsBehindDlab() {
    set(3, 0x83);
    set(0, 0x34);
    set(1, 0x12);
    assertThat(get(0)).isEqualTo(0x34);
    assertThat(get(1)).isEqualTo(0x12);
    set(3, 0x03);
    assertThat(get(1)).isZero();
  }

  @Test
  void aSentByteTakesItsTime() {
    set(0, 'A');
    assertThat(get(5) & 0x60).as("moved on to the shift register").isEqualTo(0x20);
    set(0, 'B');
    assertThat(get(5) & 0x60).isZero();
    rig.advance(10_000);
    assertThat(sent).hasToString("A");
    rig.advance(10_000);
    assertThat(sent).hasToString("AB");
    assertThat(get(5) & 0x60).isEqualTo(0x60);
  }

  @Test
  void theThrEmptyInterruptComesAndReadingIirTakesItAway() {
    set(4, 8);
    set(1, 2);
    assertThat(irq.level).isTrue();
    assertThat(get(2)).isEqualTo(2);
    assertThat(irq.level).isFalse();
    assertThat(get(2)).isEqualTo(1);
    set(0, 'A');
    set(0, 'B');
    assertThat(irq.level).isFalse();
    rig.advance(10_000);
    assertThat(irq.level).isTrue();
    set(0, 'C');
    assertThat(irq.level).isFalse();
  }

  @Test
  void theFifoTakesSixteenBytes() {
    set(2, 1);
    assertThat(get(2)).isEqualTo(0xC1);
    for (int i = 0; i < 17; i++) {
      set(0, 'a' + i);
    }
    rig.advance(200_000);
    assertThat(sent).hasToString("abcdefghijklmnopq");
  }

  @Test
  void receivedDataInterruptsAtTheTriggerLevel() {
    set(4, 8);
    set(2, 0x41);
    set(1, 1);
    receive("abc");
    rig.advance(30_000);
    assertThat(irq.level).isFalse();
    receive("d");
    rig.advance(10_000);
    assertThat(get(2)).isEqualTo(0xC4);
    assertThat((char) get(0)).isEqualTo('a');
    assertThat(irq.level).isFalse();
  }

  @Test
  void fewBytesInterruptAfterATimeout() {
    set(4, 8);
    set(2, 0xC1);
    set(1, 1);
    receive("x");
    assertThat(irq.level).isFalse();
    rig.advance(50_000);
    assertThat(irq.level).isTrue();
    assertThat(get(2)).isEqualTo(0xCC);
    assertThat(get(0)).isEqualTo('x');
    assertThat(irq.level).isFalse();
    assertThat(get(5) & 1).isZero();
  }

  @Test
  void bytesFromOutsideWaitForRoom() {
    String text = "The quick brown fox jumps over the lazy dog, and not a byte is lost.";
    set(2, 1);
    receive(text);
    StringBuilder read = new StringBuilder();
    for (int i = 0; i < 400; i++) {
      rig.advance(5_000);
      if (i % 3 == 0 && (get(5) & 1) != 0) {
        read.append((char) get(0));
      }
    }
    assertThat(read).hasToString(text);
    assertThat(get(5) & 2).isZero();
  }

  @Test
  void loopbackSendsToItselfAndShowsMcrInMsr() {
    set(4, 0x10);
    set(0, 'L');
    rig.advance(10_000);
    assertThat(get(0)).isEqualTo('L');
    assertThat(sent).isEmpty();
    set(4, 0x1F);
    assertThat(get(6) & 0xF0).isEqualTo(0xF0);
    set(4, 0x1A);
    assertThat(get(6) & 0xF0).isEqualTo(0x90);
  }

  @Test
  void anOverrunIsALineStatusInterrupt() {
    set(4, 0x18);
    set(1, 4);
    set(0, 'a');
    rig.advance(10_000);
    set(0, 'b');
    rig.advance(10_000);
    assertThat(get(2)).isEqualTo(6);
    assertThat(get(5) & 2).isNotZero();
    assertThat(get(5) & 2).isZero();
    assertThat(get(0)).isEqualTo('b');
  }

  @Test
  void modemChangesInterruptUntilMsrIsRead() {
    set(1, 8);
    set(4, 0x10);
    assertThat(irq.level).isTrue();
    assertThat(get(2)).isZero();
    assertThat(get(6) & 0x0F).as("CTS, DSR and DCD went away").isEqualTo(0x0B);
    assertThat(irq.level).isFalse();
  }

  @Test
  void out2GatesTheInterrupt() {
    set(1, 2);
    assertThat(irq.level).isFalse();
    set(4, 8);
    assertThat(irq.level).isTrue();
  }

  @Test
  void fcrClearsTheReceiver() {
    set(2, 1);
    receive("q");
    set(2, 3);
    assertThat(get(5) & 1).isZero();
    set(7, 0x5A);
    assertThat(get(7)).isEqualTo(0x5A);
  }
}
