package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.device.StorageRig.Line;
import io.satchel.vm.host.MemoryDisk;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class AtapiDriveTests {

  private static final int BLOCKS = 500;
  private static final int BASE = 0x170;
  private static final int MASTER = 0xC000;

  private static final int ERR = 0x01;
  private static final int DRQ = 0x08;
  private static final int BSY = 0x80;

  private final StorageRig rig = new StorageRig();
  private final Line irq = new Line();
  private final MemoryDisk medium = MemoryDisk.numbered(BLOCKS, 2048);
  private final AtapiDrive drive = drive(rig);
  private final IdeController ide = controller(rig, irq, drive);

  private static AtapiDrive drive(StorageRig rig) {
    return new AtapiDrive("ide1-master", rig.board, AtaUnit.Timing.REPEATABLE, "C-1");
  }

  private static IdeController controller(StorageRig rig, Line irq, AtapiDrive drive) {
    IdeController ide = new IdeController(rig.board, new Line(), irq, null, null, drive, null);
    rig.pci.plug(1, 1, ide.function());
    ide.reset();
    int slot = ide.function().number();
    rig.pci.writeConfig(slot, PciFunction.BAR0 + 16, 4, MASTER);
    rig.pci.writeConfig(slot, 0x40, 4, 0x80008000);
    rig.pci.writeConfig(slot, PciFunction.COMMAND, 2, 0x0005);
    return ide;
  }

  /** Puts the disc in and takes the unit attentions away. */
  private void load() {
    drive.insert(rig.backend(medium));
    send(0, 0xFFFE, 0x00);
    assertThat(rig.in(BASE + 7) & ERR).as("power-on or change").isNotZero();
    assertThat(drive.locked()).isFalse();
  }

  /** Sends a packet; the bytes that are not given are 0. */
  private void send(int features, int byteCount, int... packet) {
    rig.out(BASE + 1, features);
    rig.out(BASE + 4, byteCount & 0xFF);
    rig.out(BASE + 5, byteCount >> 8);
    rig.out(BASE + 7, 0xA0);
    assertThat(rig.in(BASE + 7) & (BSY | DRQ)).isEqualTo(DRQ);
    assertThat(rig.in(BASE + 2)).as("command to device").isEqualTo(1);
    int[] whole = Arrays.copyOf(packet, 12);
    for (int i = 0; i < 12; i += 2) {
      rig.ports.write(BASE, 2, whole[i] | whole[i + 1] << 8);
    }
    rig.settle();
  }

  /** Takes all DRQ blocks of an answer. */
  private byte[] receive() {
    byte[] all = new byte[0];
    while ((rig.in(BASE + 7) & DRQ) != 0) {
      assertThat(rig.in(BASE + 2)).as("data to host").isEqualTo(2);
      int length = rig.in(BASE + 4) | rig.in(BASE + 5) << 8;
      int at = all.length;
      all = Arrays.copyOf(all, at + length);
      for (int i = 0; i < length; i += 2) {
        int word = rig.ports.read(BASE, 2);
        all[at + i] = (byte) word;
        if (i + 1 < length) {
          all[at + i + 1] = (byte) (word >> 8);
        }
      }
      rig.settle();
    }
    assertThat(rig.in(BASE + 2)).as("completed").isEqualTo(3);
    return all;
  }

  private byte[] ask(int... packet) {
    send(0, 0xFFFE, packet);
    return receive();
  }

  /** Sense key and additional code of the last command. */
  private int sense() {
    byte[] sense = ask(0x03, 0, 0, 0, 18);
    return (sense[2] & 0xF) << 16 | (sense[12] & 0xFF) << 8 | sense[13] & 0xFF;
  }

  private static int be32(byte[] bytes, int at) {
    return (bytes[at] & 0xFF) << 24
        | (bytes[at + 1] & 0xFF) << 16
        | (bytes[at + 2] & 0xFF) << 8
        | bytes[at + 3] & 0xFF;
  }

  @Test
  void resetShowsThePacketSignature() {
    rig.out(0x376, 4);
    rig.out(0x376, 0);
    assertThat(rig.in(BASE + 7)).isZero();
    assertThat(rig.in(BASE + 4)).isEqualTo(0x14);
    assertThat(rig.in(BASE + 5)).isEqualTo(0xEB);
  }

  @Test
  void identifyDeviceAbortsAndIdentifyPacketDeviceAnswers() {
    rig.out(BASE + 7, 0xEC);
    assertThat(rig.in(BASE + 7) & ERR).isNotZero();
    assertThat(rig.in(BASE + 5)).isEqualTo(0xEB);
    rig.out(BASE + 7, 0xA1);
    rig.settle();
    int rises = irq.rises;
    assertThat(rig.in(BASE + 7) & DRQ).isNotZero();
    assertThat(rig.ports.read(BASE, 2)).isEqualTo(0x85C0);
    for (int i = 1; i < 256; i++) {
      rig.ports.read(BASE, 2);
    }
    assertThat(rig.in(BASE + 7) & (DRQ | ERR)).isZero();
    assertThat(irq.rises).as("no interrupt at the end").isEqualTo(rises);
  }

  @Test
  void theFirstCommandAfterPowerOnMeetsAUnitAttention() {
    send(0, 0, 0x00);
    assertThat(rig.in(BASE + 7) & ERR).isNotZero();
    assertThat(rig.in(BASE + 1) >> 4).as("sense key").isEqualTo(6);
    assertThat(sense()).isEqualTo(0x62900);
    send(0, 0, 0x00);
    assertThat(sense()).as("no medium").isEqualTo(0x23A01);
  }

  @Test
  void aMediumChangeIsAUnitAttentionOnce() {
    load();
    assertThat(sense()).isEqualTo(0x62800);
    send(0, 0, 0x00);
    assertThat(rig.in(BASE + 7) & ERR).isZero();
    drive.insert(null);
    send(0, 0, 0x00);
    assertThat(sense()).isEqualTo(0x23A01);
    drive.insert(rig.backend(medium));
    send(0, 0, 0x00);
    assertThat(sense()).isEqualTo(0x62800);
    send(0, 0, 0x00);
    assertThat(rig.in(BASE + 7) & ERR).isZero();
  }

  @Test
  void inquiryNamesTheDriveWithoutAMedium() {
    byte[] answer = ask(0x12, 0, 0, 0, 36);
    assertThat(answer).hasSize(36);
    assertThat(answer[0]).isEqualTo((byte) 5);
    assertThat(answer[8]).isEqualTo((byte) 'S');
    assertThat(ask(0x12, 0, 0, 0, 5)).as("allocation length").hasSize(5);
  }

  @Test
  void readCapacityGivesTheLastBlock() {
    load();
    byte[] answer = ask(0x25);
    assertThat(be32(answer, 0)).isEqualTo(BLOCKS - 1);
    assertThat(be32(answer, 4)).isEqualTo(2048);
  }

  @Test
  void readMovesBlocksInPiecesOfTheByteCountLimit() {
    load();
    int rises = irq.rises;
    send(0, 1000, 0x28, 0, 0, 0, 0, 7, 0, 0, 2);
    byte[] data = receive();
    assertThat(data).isEqualTo(Arrays.copyOfRange(medium.bytes, 7 * 2048, 9 * 2048));
    assertThat(irq.rises - rises).as("five pieces and the end").isEqualTo(6);
  }

  @Test
  void aLongReadIsServedInSeveralRequests() {
    load();
    assertThat(ask(0xA8, 0, 0, 0, 0, 3, 0, 0, 0, 150))
        .isEqualTo(Arrays.copyOfRange(medium.bytes, 3 * 2048, 153 * 2048));
    assertThat(medium.log).hasSize(3);
  }

  @Test
  void readByDmaMovesItAllWithOneInterrupt() {
    load();
    rig.memory.write(0x8000, 4, 0x10000);
    rig.memory.write(0x8004, 4, 0x80000000L | 4096);
    int rises = irq.rises;
    send(1, 0, 0x28, 0, 0, 0, 0, 9, 0, 0, 2);
    rig.ports.write(MASTER + 12, 4, 0x8000);
    rig.out(MASTER + 8, 9);
    rig.settle();
    assertThat(irq.rises - rises).isEqualTo(1);
    assertThat(rig.in(MASTER + 10) & 7).isEqualTo(4);
    assertThat(rig.in(BASE + 2)).isEqualTo(3);
    assertThat(rig.memory.read(0x10000, 4)).isEqualTo(9);
    assertThat(rig.memory.read(0x10800, 4)).isEqualTo(10);
  }

  @Test
  void readBeyondTheEndIsOutOfRange() {
    load();
    send(0, 0xFFFE, 0x28, 0, 0, 0, BLOCKS >> 8, BLOCKS & 0xFF, 0, 0, 1);
    assertThat(rig.in(BASE + 7) & ERR).isNotZero();
    assertThat(sense()).isEqualTo(0x52100);
  }

  @Test
  void aHostErrorIsAMediumError() {
    load();
    medium.failing = true;
    send(0, 0xFFFE, 0x28, 0, 0, 0, 0, 0, 0, 0, 1);
    assertThat(sense()).isEqualTo(0x31100);
  }

  @Test
  void readCdGivesUserDataOrWholeSectors() {
    load();
    assertThat(ask(0xBE, 0, 0, 0, 0, 4, 0, 0, 2, 0x10))
        .isEqualTo(Arrays.copyOfRange(medium.bytes, 4 * 2048, 6 * 2048));
    byte[] raw = ask(0xBE, 0, 0, 0, 0, 4, 0, 0, 60, 0xF8);
    assertThat(raw).hasSize(60 * 2352);
    for (int i = 0; i < 60; i++) {
      int at = i * 2352;
      assertThat(Arrays.copyOfRange(raw, at + 16, at + 16 + 2048))
          .isEqualTo(Arrays.copyOfRange(medium.bytes, (4 + i) * 2048, (5 + i) * 2048));
      assertThat(raw[at]).isZero();
      assertThat(raw[at + 1]).isEqualTo((byte) 0xFF);
      assertThat(raw[at + 15]).as("mode").isEqualTo((byte) 1);
    }
    assertThat(Arrays.copyOfRange(raw, 12, 15)).as("00:02:04").containsExactly(0, 2, 4);
    assertThat(Arrays.copyOfRange(raw, 25 * 2352 + 12, 25 * 2352 + 15))
        .as("00:02:29, in BCD")
        .containsExactly(0, 2, 0x29);
  }

  @Test
  void readTocListsTheTrackAndTheLeadOut() {
    load();
    byte[] toc = ask(0x43, 0, 0, 0, 0, 0, 0, 0, 100);
    assertThat(toc).hasSize(20);
    assertThat(toc[1]).isEqualTo((byte) 18);
    assertThat(be32(toc, 8)).isZero();
    assertThat(toc[14]).isEqualTo((byte) 0xAA);
    assertThat(be32(toc, 16)).isEqualTo(BLOCKS);
    byte[] msf = ask(0x43, 2, 0, 0, 0, 0, 0xAA, 0, 100);
    assertThat(msf).hasSize(12);
    assertThat(be32(msf, 8)).isEqualTo(0 << 16 | (650 / 75) << 8 | 650 % 75);
    assertThat(ask(0x43, 2, 0, 0, 0, 0, 0, 0, 12, 0x40)).as("sessions, old place").hasSize(12);
    assertThat(ask(0x43, 2, 2, 0, 0, 0, 0, 0, 100)).as("full").hasSize(48);
  }

  @Test
  void modeSenseShowsWhatModeSelectSet() {
    send(0, 0xFFFE, 0x00);
    send(0, 16, 0x55, 0x10, 0, 0, 0, 0, 0, 0, 16);
    assertThat(rig.in(BASE + 7) & DRQ).isNotZero();
    assertThat(rig.in(BASE + 2)).as("data to device").isZero();
    int[] list = {0, 0, 0, 0, 0, 0, 0, 0, 0x01, 6, 0x20, 5, 0, 0, 0, 0};
    for (int i = 0; i < 16; i += 2) {
      rig.ports.write(BASE, 2, list[i] | list[i + 1] << 8);
    }
    rig.settle();
    assertThat(rig.in(BASE + 7) & (ERR | DRQ)).isZero();
    byte[] page = ask(0x5A, 0, 0x01, 0, 0, 0, 0, 0, 100);
    assertThat(page).hasSize(16);
    assertThat(page[2]).as("closed, empty").isEqualTo((byte) 0x70);
    assertThat(Arrays.copyOfRange(page, 8, 12)).containsExactly(1, 6, 0x20, 5);
    assertThat(ask(0x5A, 0, 0x2A, 0, 0, 0, 0, 0, 100)).hasSize(30);
    assertThat(ask(0x1A, 0, 0x3F, 0, 100)).hasSize(4 + 8 + 16 + 22);
    send(0, 100, 0x5A, 0, 0x05, 0, 0, 0, 0, 0, 100);
    assertThat(sense()).as("no such page").isEqualTo(0x52400);
  }

  @Test
  void aLockedTrayStaysShut() {
    load();
    int[] ejects = {0};
    drive.onEject(() -> ejects[0]++);
    send(0, 0, 0x1E, 0, 0, 0, 1);
    assertThat(drive.locked()).isTrue();
    send(0, 0, 0x1B, 0, 0, 0, 2);
    assertThat(sense()).isEqualTo(0x55302);
    send(0, 0, 0x1E, 0, 0, 0, 0);
    send(0, 0, 0x1B, 0, 0, 0, 2);
    assertThat(ejects[0]).isEqualTo(1);
    send(0, 0, 0x00);
    assertThat(sense()).as("tray open").isEqualTo(0x23A02);
    drive.insert(null);
    send(0, 0, 0x00);
    assertThat(sense()).as("still open").isEqualTo(0x23A02);
    send(0, 0, 0x1B, 0, 0, 0, 3);
    send(0, 0, 0x00);
    assertThat(sense()).as("closed over nothing").isEqualTo(0x23A01);
    drive.insert(rig.backend(medium));
    send(0, 0, 0x00);
    assertThat(sense()).isEqualTo(0x62800);
    send(0, 0, 0x1B, 0, 0, 0, 2);
    send(0, 0, 0x1B, 0, 0, 0, 3);
    send(0, 0, 0x00);
    assertThat(sense()).as("loaded again").isEqualTo(0x62800);
    send(0, 0, 0x00);
    assertThat(rig.in(BASE + 7) & ERR).isZero();
  }

  @Test
  void mediaEventsAreToldOnce() {
    drive.insert(rig.backend(medium));
    byte[] event = ask(0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8);
    assertThat(event).containsExactly(0, 6, 4, 0x10, 2, 2, 0, 0);
    assertThat(ask(0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8)[4]).isZero();
    drive.insert(null);
    assertThat(ask(0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8)).containsExactly(0, 6, 4, 0x10, 3, 0, 0, 0);
    assertThat(ask(0x4A, 1, 0, 0, 0x02, 0, 0, 0, 8)[2]).isEqualTo((byte) 0x80);
  }

  @Test
  void getConfigurationNamesTheProfileOfTheMedium() {
    byte[] empty = ask(0x46, 0, 0, 0, 0, 0, 0, 1, 0);
    assertThat(be32(empty, 0)).isEqualTo(empty.length - 4);
    assertThat(empty[7]).isZero();
    load();
    byte[] full = ask(0x46, 0, 0, 0, 0, 0, 0, 1, 0);
    assertThat(full[7]).isEqualTo((byte) 8);
    assertThat(ask(0x46, 2, 0, 3, 0, 0, 0, 1, 0)).as("one feature").hasSize(16);
  }

  @Test
  void aReadWiderThanTheAnswersRestIsFilledWithZeros() {
    send(0, 0xFFFE, 0x12, 0, 0, 0, 5);
    assertThat(rig.ports.read(BASE, 4)).isEqualTo(0x21008005);
    assertThat(rig.ports.read(BASE, 4)).isEqualTo(31);
    assertThat(rig.in(BASE + 7) & (DRQ | ERR)).isZero();
  }

  @Test
  void smallerDescriptionsHaveTheirSizes() {
    load();
    assertThat(ask(0x51, 0, 0, 0, 0, 0, 0, 0, 100)).hasSize(34);
    assertThat(ask(0x42, 2, 0x40, 1, 0, 0, 0, 0, 100)).hasSize(16);
    assertThat(ask(0x42, 2, 0, 0, 0, 0, 0, 0, 100)).hasSize(4);
    assertThat(ask(0xBD, 0, 0, 0, 0, 0, 0, 0, 0, 8)).hasSize(8);
    assertThat(ask(0x44, 0, 0, 0, 0, 5, 0, 0, 8)).hasSize(8);
    send(0, 0, 0xBB);
    assertThat(rig.in(BASE + 7) & ERR).isZero();
    send(0, 0, 0x04);
    assertThat(sense()).isEqualTo(0x52000);
  }

  @Test
  void deviceResetIsTakenWhileBusy() {
    load();
    rig.out(BASE + 7, 0xA0);
    for (int word : new int[] {0x28, 0, 0, 0, 1, 0}) {
      rig.ports.write(BASE, 2, word);
    }
    assertThat(rig.in(0x376) & BSY).isNotZero();
    rig.out(BASE + 7, 0x08);
    assertThat(rig.in(0x376)).isZero();
    assertThat(rig.in(BASE + 5)).isEqualTo(0xEB);
    int rises = irq.rises;
    rig.settle();
    assertThat(irq.rises).isEqualTo(rises);
  }

  @Test
  void takingTheDiscOutEndsARead() {
    load();
    rig.out(BASE + 7, 0xA0);
    for (int word : new int[] {0x28, 0, 0, 0, 0x0001, 0}) {
      rig.ports.write(BASE, 2, word);
    }
    drive.insert(null);
    rig.settle();
    assertThat(rig.in(BASE + 7) & (BSY | DRQ | ERR)).isEqualTo(ERR);
    assertThat(sense()).isEqualTo(0x23A01);
  }

  @Test
  void aRestoredDriveGoesOnWithARead() {
    load();
    send(0, 2048, 0x28, 0, 0, 0, 0, 0, 0, 0, 70);
    byte[] first = new byte[2048];
    for (int i = 0; i < 2048; i++) {
      first[i] = (byte) rig.ports.read(BASE, 1);
    }
    StorageRig other = new StorageRig();
    Line otherIrq = new Line();
    AtapiDrive copy = drive(other);
    IdeController otherIde = controller(other, otherIrq, copy);
    copy.insert(other.backend(medium));
    StorageRig.transplant(ide, otherIde);
    StorageRig.transplant(drive, copy);
    assertThat(otherIrq.level).isTrue();
    for (int block = 1; block < 70; block++) {
      other.settle();
      assertThat(other.in(BASE + 7) & DRQ).isNotZero();
      assertThat(other.ports.read(BASE, 4)).isEqualTo(block);
      for (int i = 4; i < 2048; i += 4) {
        other.ports.read(BASE, 4);
      }
    }
    assertThat(other.in(BASE + 7) & (DRQ | ERR)).isZero();
  }
}
