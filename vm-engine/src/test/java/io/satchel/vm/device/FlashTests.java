package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.host.BlockBackend;
import io.satchel.vm.host.MemoryDisk;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Intel StrataFlash data sheet 290737; JESD68.01. */
class FlashTests {

  private static final long BASE = 0xFFF0_0000L;
  private static final int SIZE = 16 << 10;

  private final TestBoard rig = new TestBoard();
  private final MemoryDisk disk = new MemoryDisk(SIZE, false);
  private final Flash flash;

  FlashTests() throws IOException {
    Arrays.fill(disk.bytes, (byte) 0xFF);
    disk.bytes[0x1234] = 0x5A;
    flash =
        new Flash(
            rig.board,
            BlockBackend.immediate(disk, new BlockBackend.Traffic(), rig.events, rig.clock),
            BASE,
            rig.memory.allocate(SIZE));
  }

  private int get(int offset) {
    return (int) rig.map.read(BASE + offset, 1);
  }

  private void set(int offset, int value) {
    rig.map.write(BASE + offset, 1, value);
  }

  private void program(int offset, int value) {
    set(offset, 0x10);
    set(offset, value);
  }

  @Test
  void theArrayIsReadAsMemory() {
    assertThat(get(0x1234)).isEqualTo(0x5A);
    assertThat(rig.map.readEntry(BASE >>> 12)).isNotNegative();
  }

  @Test
  void programmingOnlyClearsBits() {
    program(0x10, 0xF0);
    program(0x10, 0x3C);
    assertThat(get(0x10)).as("status").isEqualTo(0x80);
    set(0, 0xFF);
    assertThat(get(0x10)).isEqualTo(0x30);
  }

  @Test
  void erasingSetsABlock() {
    set(0x1FFF, 0x20);
    set(0x1FFF, 0xD0);
    set(0, 0xFF);
    assertThat(get(0x1234)).isEqualTo(0xFF);
    program(0x2000, 0);
    set(0x1000, 0x20);
    set(0x1000, 0xD0);
    set(0, 0xFF);
    assertThat(get(0x2000)).as("the next block").isZero();
  }

  @Test
  void anEraseThatIsNotConfirmedIsAnErrorUntilItIsCleared() {
    set(0x1000, 0x20);
    set(0x1000, 0xFF);
    assertThat(get(0)).isEqualTo(0xB0);
    set(0, 0x50);
    set(0, 0x70);
    assertThat(get(0)).isEqualTo(0x80);
    set(0, 0xFF);
    assertThat(get(0x1234)).isEqualTo(0x5A);
  }

  @Test
  void theDriversProbeFindsFlashAndNoMemory() {
    int before = get(0);
    set(0, 0x50);
    assertThat(get(0)).as("not memory").isEqualTo(before);
    set(0, 0x70);
    assertThat(get(0)).isEqualTo(0x80);
    set(0, 0xFF);
    assertThat(get(0)).isEqualTo(before);
  }

  @Test
  void aBufferIsWrittenByCount() {
    set(0x100, 0xE8);
    assertThat(get(0x100)).isEqualTo(0x80);
    set(0x100, 2);
    for (int i = 0; i < 3; i++) {
      set(0x100 + i, i);
    }
    set(0x100, 0xD0);
    set(0, 0xFF);
    assertThat(rig.map.read(BASE + 0x100, 4)).isEqualTo(0xFF02_0100L);
  }

  @Test
  void identifierAndQueryNameThePart() {
    set(0, 0x90);
    assertThat(get(0)).isEqualTo(0x89);
    assertThat(get(1)).isEqualTo(0x18);
    set(0, 0x98);
    assertThat((int) rig.map.read(BASE + 0x10, 4) & 0xFF_FFFF).isEqualTo(0x59_5251);
    assertThat(1 << get(0x27)).isEqualTo(SIZE);
    assertThat(get(0x2D) + 1).as("blocks").isEqualTo(4);
  }

  @Test
  void whatHasChangedReachesTheMediumWhenTheArrayIsReadAgain() {
    program(0x2345, 0x11);
    assertThat(disk.bytes[0x2345]).isEqualTo((byte) 0xFF);
    set(0, 0xFF);
    rig.advance(1_000_000_000);
    assertThat(disk.bytes[0x2345]).isEqualTo((byte) 0x11);
    assertThat(disk.bytes[0x1234]).isEqualTo((byte) 0x5A);
  }

  @Test
  void resetLeavesTheContentAndReadsTheArray() {
    program(0x2345, 0x11);
    flash.reset();
    assertThat(get(0x2345)).isEqualTo(0x11);
  }
}
