package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class Dma8237Tests {

  private static final int AUTOINIT = 0x10;
  private static final int DECREMENT = 0x20;
  private static final int WRITE = 0x44;
  private static final int READ = 0x48;
  private static final int VERIFY = 0x40;

  private final StorageRig rig = new StorageRig();
  private final Dma8237 dma = new Dma8237(rig.ports, rig.memory);
  private final byte[] data = new byte[4096];

  Dma8237Tests() {
    rig.out(0xD6, 0xC0);
    rig.out(0xD4, 0x00);
    for (int i = 0; i < data.length; i++) {
      data[i] = (byte) (i * 7 + 1);
    }
  }

  /** Programs an 8-bit channel as a BIOS does. */
  private void program(int channel, int mode, int address, int bytes) {
    int[] page = {0x87, 0x83, 0x81, 0x82};
    rig.out(0x0A, 4 | channel);
    rig.out(0x0C, 0);
    rig.out(0x0B, mode | channel);
    rig.out(2 * channel, address & 0xFF);
    rig.out(2 * channel, address >> 8 & 0xFF);
    rig.out(page[channel], address >> 16);
    rig.out(2 * channel + 1, bytes - 1 & 0xFF);
    rig.out(2 * channel + 1, bytes - 1 >> 8);
    rig.out(0x0A, channel);
  }

  private int ram(int address) {
    return rig.ram.read8(address);
  }

  @Test
  void aWriteTransferGoesToThePageAndCountsToTerminalCount() {
    program(2, WRITE, 0x23456, 1024);
    assertThat(dma.toMemory(2, data, 0, 512)).isEqualTo(512);
    assertThat(dma.terminalCount(2)).isFalse();
    assertThat(dma.toMemory(2, data, 512, 4096 - 512)).isEqualTo(512);
    assertThat(dma.terminalCount(2)).isTrue();
    for (int i = 0; i < 1024; i++) {
      assertThat(ram(0x23456 + i)).isEqualTo(data[i] & 0xFF);
    }
    assertThat(ram(0x23456 + 1024)).isZero();
    assertThat(rig.in(0x08)).as("status").isEqualTo(0x04);
    assertThat(rig.in(0x08)).as("read again").isZero();
    assertThat(dma.terminalCount(2)).as("until it is programmed again").isTrue();
    assertThat(dma.toMemory(2, data, 0, 1)).as("masked").isZero();
  }

  @Test
  void aReadTransferComesFromMemory() {
    rig.memory.write(0x1000, data, 0, 16);
    program(1, READ, 0x1000, 16);
    byte[] got = new byte[16];
    assertThat(dma.fromMemory(1, got, 0, 16)).isEqualTo(16);
    assertThat(got).startsWith(data[0], data[1]).endsWith(data[15]);
    assertThat(dma.toMemory(1, data, 0, 1)).isZero();
  }

  @Test
  void aVerifyTransferCountsAndMovesNothing() {
    program(2, VERIFY, 0x1000, 8);
    assertThat(dma.toMemory(2, data, 0, 8)).isEqualTo(8);
    assertThat(dma.terminalCount(2)).isTrue();
    assertThat(ram(0x1000)).isZero();
  }

  @Test
  void autoinitializeStartsOverAtTheBaseRegisters() {
    program(3, WRITE | AUTOINIT, 0x2000, 4);
    assertThat(dma.toMemory(3, data, 0, 10)).isEqualTo(4);
    assertThat(dma.terminalCount(3)).isTrue();
    assertThat(dma.toMemory(3, data, 10, 2)).isEqualTo(2);
    assertThat(dma.terminalCount(3)).as("the next round is not over").isFalse();
    assertThat(ram(0x2000)).isEqualTo(data[10] & 0xFF);
    assertThat(ram(0x2002)).isEqualTo(data[2] & 0xFF);
  }

  @Test
  void theAddressWrapsInItsPage() {
    program(2, WRITE, 0x1FFFE, 4);
    dma.toMemory(2, data, 0, 4);
    assertThat(ram(0x1FFFF)).isEqualTo(data[1] & 0xFF);
    assertThat(ram(0x10000)).isEqualTo(data[2] & 0xFF);
    assertThat(ram(0x20000)).isZero();
  }

  @Test
  void theAddressCanCountDown() {
    program(2, WRITE | DECREMENT, 0x3003, 4);
    dma.toMemory(2, data, 0, 4);
    assertThat(ram(0x3003)).isEqualTo(data[0] & 0xFF);
    assertThat(ram(0x3000)).isEqualTo(data[3] & 0xFF);
  }

  @Test
  void theSecondControllerMovesWords() {
    rig.out(0xD6, WRITE | 1);
    rig.out(0xD8, 0);
    rig.out(0xC4, 0x00);
    rig.out(0xC4, 0x80); // word 8000h of the page: byte 10000h
    rig.out(0x8B, 0x02);
    rig.out(0xC6, 0x03);
    rig.out(0xC6, 0x00);
    rig.out(0xD4, 0x01);
    assertThat(dma.toMemory(5, data, 0, 64)).isEqualTo(8);
    assertThat(dma.terminalCount(5)).isTrue();
    assertThat(ram(0x30000)).isEqualTo(data[0] & 0xFF);
    assertThat(ram(0x30007)).isEqualTo(data[7] & 0xFF);
  }

  @Test
  void aMaskedCascadeStopsTheFirstController() {
    program(2, WRITE, 0x1000, 4);
    rig.out(0xD4, 0x04);
    assertThat(dma.toMemory(2, data, 0, 4)).isZero();
    rig.out(0xD4, 0x00);
    assertThat(dma.toMemory(2, data, 0, 4)).isEqualTo(4);
  }

  @Test
  void theCommandRegisterDisablesTheController() {
    program(2, WRITE, 0x1000, 4);
    rig.out(0x08, 0x04);
    assertThat(dma.toMemory(2, data, 0, 4)).isZero();
    rig.out(0x08, 0x00);
    assertThat(dma.toMemory(2, data, 0, 4)).isEqualTo(4);
  }

  @Test
  void addressAndCountReadBackLowByteFirst() {
    program(2, WRITE, 0x14567, 0x1234);
    dma.toMemory(2, data, 0, 2);
    rig.out(0x0C, 0);
    assertThat(rig.in(0x04) | rig.in(0x04) << 8).isEqualTo(0x4569);
    assertThat(rig.in(0x05) | rig.in(0x05) << 8).isEqualTo(0x1231);
    assertThat(rig.in(0x81)).isEqualTo(0x01);
  }

  @Test
  void masterClearMasksAllChannels() {
    program(2, WRITE, 0x1000, 4);
    rig.out(0x0D, 0);
    assertThat(rig.in(0x0F) & 0xF).isEqualTo(0xF);
    rig.out(0x0E, 0);
    assertThat(rig.in(0x0F) & 0xF).isZero();
    rig.out(0x0F, 0x05);
    assertThat(rig.in(0x0F) & 0xF).isEqualTo(0x05);
  }

  @Test
  void aRestoredControllerGoesOnInTheMiddle() {
    program(2, WRITE, 0x4000, 8);
    dma.toMemory(2, data, 0, 3);
    StorageRig other = new StorageRig();
    Dma8237 copy = new Dma8237(other.ports, other.memory);
    StorageRig.transplant(dma, copy);
    assertThat(copy.toMemory(2, data, 3, 100)).isEqualTo(5);
    assertThat(copy.terminalCount(2)).isTrue();
    assertThat(other.ram.read8(0x4007)).isEqualTo(data[7] & 0xFF);
  }
}
