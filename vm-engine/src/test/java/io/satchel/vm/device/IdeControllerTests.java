package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.bus.PciFunction;
import io.satchel.vm.device.StorageRig.Line;
import io.satchel.vm.host.MemoryDisk;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The controller, its bus master and the disk on it. */
class IdeControllerTests {

  private static final int SECTORS = 4000;
  private static final int BASE = 0x1F0;
  private static final int CONTROL = 0x3F6;
  private static final int MASTER = 0xC000;
  private static final int TABLE = 0x8000;

  private static final int ERR = 0x01;
  private static final int DRQ = 0x08;
  private static final int DRDY = 0x40;
  private static final int BSY = 0x80;

  /** A board with a disk, and nothing or a second disk beside it. */
  private static final class Pc {
    final StorageRig rig = new StorageRig();
    final Line irq14 = new Line();
    final Line irq15 = new Line();
    final MemoryDisk medium;
    final AtaDisk disk;
    final IdeController ide;

    Pc(MemoryDisk medium, AtaUnit.Timing timing) {
      this.medium = medium;
      disk = new AtaDisk("ide0-master", rig.board, timing, rig.backend(medium), "S-1");
      ide = new IdeController(rig.board, irq14, irq15, disk, null, null, null);
      rig.pci.plug(1, 1, ide.function());
      ide.reset();
      enable();
    }

    /** What a BIOS does: ports, bus master, both channels. */
    void enable() {
      int slot = ide.function().number();
      rig.pci.writeConfig(slot, PciFunction.BAR0 + 16, 4, MASTER);
      rig.pci.writeConfig(slot, 0x40, 4, 0x80008000);
      rig.pci.writeConfig(slot, PciFunction.COMMAND, 2, 0x0005);
    }

    void lba(long sector, int count) {
      rig.out(BASE + 2, count);
      rig.out(BASE + 3, (int) sector & 0xFF);
      rig.out(BASE + 4, (int) sector >> 8 & 0xFF);
      rig.out(BASE + 5, (int) sector >> 16 & 0xFF);
      rig.out(BASE + 6, 0xE0 | (int) sector >> 24 & 0xF);
    }

    void lba48(long sector, int count) {
      rig.out(BASE + 2, count >> 8);
      rig.out(BASE + 3, (int) (sector >> 24) & 0xFF);
      rig.out(BASE + 4, (int) (sector >> 32) & 0xFF);
      rig.out(BASE + 5, (int) (sector >> 40) & 0xFF);
      lba(sector & 0xFFFFFF, count & 0xFF);
    }

    void chs(int cylinder, int head, int sector, int count) {
      rig.out(BASE + 2, count);
      rig.out(BASE + 3, sector);
      rig.out(BASE + 4, cylinder & 0xFF);
      rig.out(BASE + 5, cylinder >> 8);
      rig.out(BASE + 6, 0xA0 | head);
    }

    void command(int command) {
      rig.out(BASE + 7, command);
      rig.settle();
    }

    int status() {
      return rig.in(BASE + 7);
    }

    int error() {
      return rig.in(BASE + 1);
    }

    int word() {
      return rig.ports.read(BASE, 2);
    }

    /** Reads a sector by the data port and returns its number. */
    int readSector() {
      int number = rig.ports.read(BASE, 4);
      for (int i = 0; i < 126; i++) {
        rig.ports.read(BASE, 4);
      }
      assertThat(rig.ports.read(BASE, 4)).isEqualTo(~number);
      return number;
    }

    void writeSector(int value) {
      for (int i = 0; i < 256; i++) {
        rig.ports.write(BASE, 2, value);
      }
    }

    int[] identify() {
      command(0xEC);
      int[] words = new int[256];
      for (int i = 0; i < 256; i++) {
        words[i] = word();
      }
      return words;
    }

    void region(int index, int address, int count, boolean last) {
      rig.memory.write(TABLE + 8L * index, 4, address);
      rig.memory.write(TABLE + 8L * index + 4, 4, (last ? 0x80000000L : 0) | count);
    }

    void startMaster(boolean toMemory) {
      rig.ports.write(MASTER + 4, 4, TABLE);
      rig.out(MASTER + 2, 0x06);
      rig.out(MASTER, toMemory ? 0x09 : 0x01);
      rig.settle();
    }
  }

  private final Pc pc = new Pc(MemoryDisk.numbered(SECTORS, 512), AtaUnit.Timing.REPEATABLE);

  @Test
  void theChannelsAppearWhenIdetimAndTheCommandRegisterEnableThem() {
    int slot = pc.ide.function().number();
    pc.rig.pci.writeConfig(slot, 0x40, 2, 0);
    assertThat(pc.rig.in(BASE + 7)).isEqualTo(0xFF);
    assertThat(pc.rig.in(CONTROL)).isEqualTo(0xFF);
    assertThat(pc.rig.ports.nameAt(0x177)).isEqualTo("ide");
    pc.rig.pci.writeConfig(slot, 0x40, 2, 0xA307);
    assertThat(pc.status()).isEqualTo(DRDY | 0x10);
    assertThat(pc.rig.pci.readConfig(slot, 0x40, 2)).isEqualTo(0xA307);
    pc.rig.pci.writeConfig(slot, PciFunction.COMMAND, 2, 0);
    assertThat(pc.rig.in(BASE + 7)).isEqualTo(0xFF);
    assertThat(pc.rig.pci.readConfig(slot, 0, 4)).isEqualTo(0x70108086);
    assertThat(pc.rig.pci.readConfig(slot, 8, 4)).isEqualTo(0x01018000);
    assertThat(pc.rig.ports.nameAt(0x3F7)).as("the floppy controller's").isNull();
  }

  @Test
  void anAbsentSlaveReadsAsZerosAndAnEmptyChannelIsNotBusy() {
    pc.rig.out(BASE + 6, 0xB0);
    assertThat(pc.status()).isZero();
    pc.rig.out(BASE + 2, 0x55);
    assertThat(pc.rig.in(BASE + 2)).isZero();
    pc.command(0xEC);
    assertThat(pc.status()).isZero();
    assertThat(pc.irq14.rises).isZero();
    assertThat(pc.rig.in(0x177)).isEqualTo(0x7F);
    assertThat(pc.rig.in(0x376)).isEqualTo(0x7F);
  }

  @Test
  void identifyDescribesTheDisk() {
    int[] words = pc.identify();
    assertThat(words[0]).isEqualTo(0x0040);
    assertThat(words[1]).as("cylinders").isEqualTo(SECTORS / (16 * 63));
    assertThat(words[60] | words[61] << 16).isEqualTo(SECTORS);
    assertThat(words[100]).isEqualTo(SECTORS);
    assertThat(words[27]).isEqualTo('S' << 8 | 'A');
    assertThat(words[83] & 0x400).as("48-bit").isNotZero();
    int sum = 0;
    for (int word : words) {
      sum += (word & 0xFF) + (word >> 8);
    }
    assertThat(sum & 0xFF).as("integrity").isZero();
    assertThat(pc.status()).isEqualTo(DRDY | 0x10);
    assertThat(pc.irq14.rises).isEqualTo(1);
  }

  @Test
  void readSectorsRaisesOneInterruptASectorAndNoneAtTheEnd() {
    pc.lba(7, 3);
    pc.command(0x20);
    for (int sector = 7; sector < 10; sector++) {
      assertThat(pc.irq14.rises).isEqualTo(sector - 6);
      assertThat(pc.status() & (DRQ | BSY)).isEqualTo(DRQ);
      assertThat(pc.irq14.level).as("reading status clears it").isFalse();
      assertThat(pc.readSector()).isEqualTo(sector);
    }
    assertThat(pc.status()).isEqualTo(DRDY | 0x10);
    assertThat(pc.irq14.rises).isEqualTo(3);
    assertThat(pc.medium.log).as("one request").containsExactly("read 3584+1536");
    assertThat(pc.rig.in(BASE + 3)).as("last sector").isEqualTo(9);
    assertThat(pc.rig.in(BASE + 2)).isZero();
  }

  @Test
  void aCommandIsBusyUntilItsTimeHasPassed() {
    pc.lba(0, 1);
    pc.rig.out(BASE + 7, 0x20);
    assertThat(pc.rig.in(CONTROL)).isEqualTo(BSY | 0x10);
    pc.rig.run(55_000);
    assertThat(pc.rig.in(CONTROL) & BSY).isNotZero();
    pc.rig.run(1_000);
    assertThat(pc.rig.in(CONTROL) & (BSY | DRQ)).isEqualTo(DRQ);
  }

  @Test
  void readMultipleRaisesOneInterruptABlock() {
    pc.lba(0, 8);
    pc.command(0xC4);
    assertThat(pc.status() & ERR).as("before SET MULTIPLE").isNotZero();
    assertThat(pc.error()).isEqualTo(0x04);
    pc.rig.out(BASE + 2, 4);
    pc.command(0xC6);
    pc.status();
    int before = pc.irq14.rises;
    pc.lba(10, 10);
    pc.command(0xC4);
    for (int sector = 10; sector < 20; sector++) {
      if ((sector - 10) % 4 == 0) {
        assertThat(pc.status() & DRQ).isNotZero();
      }
      assertThat(pc.readSector()).isEqualTo(sector);
    }
    assertThat(pc.irq14.rises - before).isEqualTo(3);
    assertThat(pc.status() & DRQ).isZero();
    assertThat(pc.identify()[59]).isEqualTo(0x0104);
  }

  @Test
  void writeSectorsAsksForTheFirstSectorWithoutAnInterrupt() {
    pc.lba(100, 2);
    pc.command(0x30);
    assertThat(pc.irq14.rises).isZero();
    assertThat(pc.status() & DRQ).isNotZero();
    pc.writeSector(0x1111);
    assertThat(pc.irq14.rises).isEqualTo(1);
    pc.status();
    pc.writeSector(0x2222);
    assertThat(pc.rig.in(CONTROL) & BSY).isNotZero();
    pc.rig.settle();
    assertThat(pc.irq14.rises).isEqualTo(2);
    assertThat(pc.status()).isEqualTo(DRDY | 0x10);
    assertThat(pc.medium.log).containsExactly("write 51200+1024");
    assertThat(pc.medium.bytes[100 * 512]).isEqualTo((byte) 0x11);
    assertThat(pc.medium.bytes[102 * 512 - 1]).isEqualTo((byte) 0x22);
  }

  @Test
  void aDisabledWriteCacheFlushesEveryWrite() {
    pc.rig.out(BASE + 1, 0x82);
    pc.command(0xEF);
    pc.medium.log.clear();
    pc.lba(5, 1);
    pc.command(0x30);
    pc.writeSector(0);
    pc.rig.settle();
    assertThat(pc.medium.log).containsExactly("write 2560+512", "flush 0+0");
    pc.command(0xE7);
    assertThat(pc.medium.log).hasSize(3);
  }

  @Test
  void chsAddressesFollowInitializeDeviceParameters() {
    pc.chs(1, 2, 3, 1);
    pc.command(0x20);
    assertThat(pc.readSector()).isEqualTo((16 + 2) * 63 + 2);
    pc.chs(0, 3, 17, 0);
    pc.rig.out(BASE + 2, 17);
    pc.command(0x91);
    int[] words = pc.identify();
    assertThat(Arrays.copyOfRange(words, 54, 57)).containsExactly(SECTORS / (4 * 17), 4, 17);
    pc.chs(1, 2, 3, 1);
    pc.command(0x20);
    assertThat(pc.readSector()).isEqualTo((4 + 2) * 17 + 2);
    pc.chs(0, 0, 18, 1);
    pc.command(0x20);
    assertThat(pc.status() & ERR).isNotZero();
    assertThat(pc.error()).isEqualTo(0x10);
  }

  @Test
  void readBeyondTheCapacityFindsNoId() {
    pc.lba(SECTORS - 1, 2);
    pc.command(0x20);
    assertThat(pc.status() & (ERR | DRQ)).isEqualTo(ERR);
    assertThat(pc.error()).isEqualTo(0x10);
    assertThat(pc.irq14.rises).isEqualTo(1);
    pc.lba(SECTORS - 1, 1);
    pc.command(0x20);
    assertThat(pc.readSector()).isEqualTo(SECTORS - 1);
  }

  @Test
  void seekPastTheLastSectorFindsNoId() {
    pc.lba(SECTORS, 0);
    pc.command(0x70);
    assertThat(pc.status() & ERR).isNotZero();
    assertThat(pc.error()).isEqualTo(0x10);
    pc.lba(SECTORS - 1, 0);
    pc.command(0x70);
    assertThat(pc.status() & ERR).isZero();
  }

  @Test
  void aHostErrorIsUncorrectable() {
    pc.medium.failing = true;
    pc.lba(9, 1);
    pc.command(0x20);
    assertThat(pc.status() & (ERR | DRQ)).isEqualTo(ERR);
    assertThat(pc.error()).isEqualTo(0x40);
    assertThat(pc.rig.in(BASE + 3)).isEqualTo(9);
  }

  @Test
  void aReadOnlyMediumAbortsWrites() {
    Pc locked = new Pc(new MemoryDisk(SECTORS * 512, true), AtaUnit.Timing.PROMPT);
    locked.lba(0, 1);
    locked.command(0x30);
    assertThat(locked.status() & (ERR | DRQ)).isEqualTo(ERR);
    assertThat(locked.error()).isEqualTo(0x44);
  }

  @Test
  void lba48MovesMoreSectorsThanTheBufferHolds() {
    pc.lba48(1000, 600);
    pc.command(0x24);
    for (int sector = 1000; sector < 1600; sector++) {
      pc.rig.settle();
      assertThat(pc.status() & DRQ).isNotZero();
      assertThat(pc.readSector()).isEqualTo(sector);
    }
    assertThat(pc.status() & (DRQ | ERR)).isZero();
    assertThat(pc.medium.log)
        .containsExactly("read 512000+131072", "read 643072+131072", "read 774144+45056");
  }

  @Test
  void theHighOrderBitShowsThePreviousContents() {
    pc.rig.out(BASE + 3, 0x12);
    pc.rig.out(BASE + 3, 0x34);
    assertThat(pc.rig.in(BASE + 3)).isEqualTo(0x34);
    pc.rig.out(CONTROL, 0x80);
    assertThat(pc.rig.in(BASE + 3)).isEqualTo(0x12);
    pc.rig.out(BASE + 2, 0);
    assertThat(pc.rig.in(BASE + 3)).isEqualTo(0x34);
  }

  @Test
  void readNativeMaxGivesTheLastSector() {
    pc.lba(0, 0);
    pc.command(0xF8);
    assertThat(pc.rig.in(BASE + 3) | pc.rig.in(BASE + 4) << 8).isEqualTo(SECTORS - 1);
  }

  @Test
  void nienHoldsTheInterruptBack() {
    pc.rig.out(CONTROL, 0x02);
    pc.lba(0, 1);
    pc.command(0x20);
    assertThat(pc.irq14.rises).isZero();
    pc.rig.out(CONTROL, 0x00);
    assertThat(pc.irq14.level).as("it was pending").isTrue();
  }

  @Test
  void softwareResetEndsACommandAndShowsTheSignature() {
    pc.lba(0, 2);
    pc.rig.out(BASE + 7, 0x20);
    pc.rig.out(CONTROL, 0x04);
    assertThat(pc.rig.in(CONTROL)).isEqualTo(BSY);
    pc.rig.out(CONTROL, 0x00);
    pc.rig.settle();
    assertThat(pc.irq14.rises).isZero();
    assertThat(pc.status()).isEqualTo(DRDY | 0x10);
    assertThat(pc.error()).isEqualTo(0x01);
    assertThat(pc.rig.in(BASE + 2)).isEqualTo(1);
    assertThat(pc.rig.in(BASE + 3)).isEqualTo(1);
    assertThat(pc.rig.in(BASE + 4) | pc.rig.in(BASE + 5)).isZero();
  }

  @Test
  void unknownCommandsAbort() {
    for (int command : new int[] {0x00, 0xA1, 0xA0, 0x08, 0xF5, 0xB1}) {
      pc.command(command);
      assertThat(pc.status() & ERR).as("%02x", command).isNotZero();
      assertThat(pc.error()).isEqualTo(0x04);
    }
  }

  @Test
  void checkPowerModeTellsStandby() {
    pc.command(0xE5);
    assertThat(pc.rig.in(BASE + 2)).isEqualTo(0xFF);
    pc.command(0xE0);
    pc.command(0xE5);
    assertThat(pc.rig.in(BASE + 2)).isZero();
  }

  @Test
  void readDmaScattersOverRegionsThatNeedNotEndWithASector() {
    pc.region(0, 0x10000, 1000, false);
    pc.region(1, 0x20001, 25, false); // bit 0 of address and count are not there
    pc.region(2, 0x30000, 2048 - 1024, true);
    pc.lba(20, 4);
    pc.command(0xC8);
    assertThat(pc.irq14.rises).as("waits for the bus master").isZero();
    pc.startMaster(true);
    assertThat(pc.irq14.rises).isEqualTo(1);
    assertThat(pc.rig.in(MASTER + 2) & 7).as("interrupt, not active").isEqualTo(4);
    pc.rig.out(MASTER, 0);
    assertThat(pc.status()).isEqualTo(DRDY | 0x10);
    byte[] expected = Arrays.copyOfRange(pc.medium.bytes, 20 * 512, 24 * 512);
    byte[] got = new byte[2048];
    pc.rig.memory.read(0x10000, got, 0, 1000);
    pc.rig.memory.read(0x20000, got, 1000, 24);
    pc.rig.memory.read(0x30000, got, 1024, 1024);
    assertThat(got).isEqualTo(expected);
  }

  @Test
  void aCountOfZeroIs64Kilobytes() {
    pc.region(0, 0x10000, 0, false);
    pc.region(1, 0x20000, 0, true);
    pc.lba(0, 0);
    pc.command(0xC8);
    pc.startMaster(true);
    assertThat(pc.rig.in(MASTER + 2) & 7).isEqualTo(4);
    assertThat(pc.rig.memory.read(0x10000 + 255 * 512L, 4)).isEqualTo(255);
  }

  @Test
  void writeDmaGathersAndInterruptsWhenTheHostHasIt() {
    pc.rig.memory.write(0x5000, 4, 0xCAFEBABEL);
    pc.region(0, 0x5000, 512, true);
    pc.lba(33, 1);
    pc.command(0xCA);
    pc.startMaster(false);
    assertThat(pc.rig.in(MASTER + 2) & 7).isEqualTo(4);
    assertThat(pc.medium.bytes[33 * 512 + 3]).isEqualTo((byte) 0xCA);
  }

  @Test
  void aTableThatIsTooShortLeavesTheDiskWaiting() {
    pc.region(0, 0x5000, 512, true);
    pc.lba(0, 2);
    pc.command(0xC8);
    pc.startMaster(true);
    assertThat(pc.rig.in(MASTER + 2) & 7).as("neither active nor interrupt").isZero();
    assertThat(pc.status() & DRQ).isNotZero();
  }

  @Test
  void aTableThatIsTooLongStaysActive() {
    pc.region(0, 0x5000, 4096, true);
    pc.lba(0, 2);
    pc.command(0xC8);
    pc.startMaster(true);
    assertThat(pc.rig.in(MASTER + 2) & 7).isEqualTo(5);
    pc.rig.out(MASTER, 0);
    assertThat(pc.rig.in(MASTER + 2) & 7).isEqualTo(4);
  }

  @Test
  void aRegionWhereNothingAnswersIsAnError() {
    pc.region(0, 0x7000_0000, 512, true);
    pc.lba(0, 1);
    pc.command(0xC8);
    pc.startMaster(true);
    assertThat(pc.rig.in(MASTER + 2) & 7).isEqualTo(2);
    pc.rig.out(MASTER + 2, 0x02);
    assertThat(pc.rig.in(MASTER + 2) & 7).isZero();
  }

  @Test
  void theBusMasterMayBeStartedBeforeTheCommand() {
    pc.region(0, 0x5000, 512, true);
    pc.startMaster(true);
    assertThat(pc.rig.in(MASTER + 2) & 1).isEqualTo(1);
    pc.lba(3, 1);
    pc.command(0xC8);
    assertThat(pc.rig.in(MASTER + 2) & 7).isEqualTo(4);
    assertThat(pc.rig.memory.read(0x5000, 4)).isEqualTo(3);
  }

  @Test
  void trimDiscardsEachRange() {
    pc.rig.memory.write(0x5000, 8, 3L << 48 | 10);
    pc.rig.memory.write(0x5008, 8, 0);
    pc.rig.memory.write(0x5010, 8, 1L << 48 | 50);
    pc.region(0, 0x5000, 512, true);
    pc.lba48(0, 1);
    pc.rig.out(BASE + 1, 1);
    pc.command(0x06);
    pc.startMaster(false);
    assertThat(pc.medium.log).containsExactly("discard 5120+1536", "discard 25600+512");
    assertThat(pc.status() & ERR).isZero();
    assertThat(pc.irq14.rises).isEqualTo(1);
  }

  @Test
  void smartSaysThatTheDiskIsWell() {
    pc.rig.out(BASE + 1, 0xDA);
    pc.rig.out(BASE + 4, 0x4F);
    pc.rig.out(BASE + 5, 0xC2);
    pc.command(0xB0);
    assertThat(pc.status() & ERR).isZero();
    assertThat(pc.rig.in(BASE + 4)).isEqualTo(0x4F);
  }

  @Test
  void masterAndSlaveKeepTheirOwnRegistersAndInterrupts() {
    StorageRig rig = new StorageRig();
    Line irq = new Line();
    AtaDisk first =
        new AtaDisk(
            "m", rig.board, AtaUnit.Timing.PROMPT, rig.backend(MemoryDisk.numbered(64, 512)), "1");
    AtaDisk second =
        new AtaDisk(
            "s", rig.board, AtaUnit.Timing.PROMPT, rig.backend(MemoryDisk.numbered(99, 512)), "2");
    IdeController ide = new IdeController(rig.board, new Line(), irq, null, null, first, second);
    rig.pci.plug(1, 1, ide.function());
    rig.pci.writeConfig(ide.function().number(), 0x40, 4, 0x80008000);
    rig.pci.writeConfig(ide.function().number(), PciFunction.COMMAND, 2, 5);
    rig.out(0x176, 0xF0);
    rig.out(0x177, 0xF8);
    assertThat(rig.in(0x173)).isEqualTo(98);
    assertThat(irq.level).isTrue();
    rig.in(0x177);
    assertThat(irq.level).isFalse();
    rig.out(0x176, 0xE0);
    rig.out(0x177, 0xF8);
    assertThat(irq.level).isTrue();
    rig.out(0x176, 0xF0);
    assertThat(irq.level).as("the slave's was read, the master's is not shown").isFalse();
    rig.out(0x177, 0x90);
    assertThat(rig.in(0x176) & 0x10).as("after the diagnostic the master is selected").isZero();
    assertThat(irq.level).isTrue();
  }

  @Test
  void aRestoredDiskRepeatsTheRequestThatWasUnderWay() {
    pc.region(0, 0x5000, 1024, true);
    pc.startMaster(true);
    pc.lba(40, 2);
    pc.rig.out(BASE + 7, 0xC8);
    pc.rig.run(20_000);
    Pc other = new Pc(MemoryDisk.numbered(SECTORS, 512), AtaUnit.Timing.REPEATABLE);
    other.rig.clock.set(pc.rig.clock.nanos());
    StorageRig.transplant(pc.ide, other.ide);
    StorageRig.transplant(pc.disk, other.disk);
    other.region(0, 0x5000, 1024, true);
    other.rig.run(0);
    assertThat(other.rig.in(CONTROL)).isEqualTo(BSY | 0x10);
    assertThat(other.rig.events.next()).isEqualTo(pc.rig.events.next());
    other.rig.settle();
    assertThat(other.irq14.level).isTrue();
    assertThat(other.rig.memory.read(0x5200, 4)).isEqualTo(41);
    assertThat(other.rig.in(MASTER + 2) & 7).isEqualTo(4);
  }

  @Test
  void aRestoredDiskGoesOnInTheMiddleOfASector() {
    pc.lba(40, 2);
    pc.command(0x20);
    pc.word();
    Pc other = new Pc(MemoryDisk.numbered(SECTORS, 512), AtaUnit.Timing.REPEATABLE);
    StorageRig.transplant(pc.disk, other.disk);
    StorageRig.transplant(pc.ide, other.ide);
    assertThat(other.irq14.level).isTrue();
    for (int i = 1; i < 256; i++) {
      assertThat(other.word()).isEqualTo(pc.word());
    }
    assertThat(other.readSector()).isEqualTo(41);
  }
}
