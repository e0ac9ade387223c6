package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.vm.device.FloppyController.Format;
import io.satchel.vm.device.StorageRig.Line;
import io.satchel.vm.host.MemoryDisk;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FloppyControllerTests {

  private static final int SECTORS = 2880;
  private static final int DOR = 0x3F2;
  private static final int MSR = 0x3F4;
  private static final int FIFO = 0x3F5;
  private static final int DIR = 0x3F7;
  private static final int CCR = 0x3F7;

  private static final int RQM = 0x80;
  private static final int DIO = 0x40;
  private static final int CB = 0x10;

  private static final int WRITE_TRANSFER = 0x46;
  private static final int READ_TRANSFER = 0x4A;

  private final StorageRig rig = new StorageRig();
  private final Line irq = new Line();
  private final Dma8237 dma = new Dma8237(rig.ports, rig.memory);
  private final FloppyController floppy = new FloppyController(rig.board, dma, irq, 2);
  private MemoryDisk medium = MemoryDisk.numbered(SECTORS, 512);

  @BeforeEach
  void powerOn() {
    rig.out(0xD6, 0xC0);
    rig.out(0xD4, 0x00);
    floppy.insert(0, rig.backend(medium));
    rig.out(CCR, 0);
    rig.out(DOR, 0x1C);
    rig.settle();
    for (int drive = 0; drive < 4; drive++) {
      command(0x08);
      assertThat(results()).as("polling, drive %d", drive).containsExactly(0xC0 | drive, 0);
    }
    command(0x03, 0xDF, 0x02);
  }

  private void command(int... bytes) {
    for (int value : bytes) {
      assertThat(rig.in(MSR) & (RQM | DIO)).isEqualTo(RQM);
      rig.out(FIFO, value);
    }
  }

  private int[] results() {
    int[] all = new int[16];
    int count = 0;
    while ((rig.in(MSR) & (RQM | DIO | CB)) == (RQM | DIO | CB)) {
      all[count++] = rig.in(FIFO);
    }
    return Arrays.copyOf(all, count);
  }

  private int[] run(int... bytes) {
    command(bytes);
    rig.settle();
    return results();
  }

  private void seek(int drive, int cylinder) {
    command(0x0F, drive, cylinder);
    rig.settle();
    command(0x08);
    assertThat(results()).containsExactly(0x20 | drive, cylinder);
  }

  private void dma(int mode, int address, int bytes) {
    rig.out(0x0A, 6);
    rig.out(0x0C, 0);
    rig.out(0x0B, mode);
    rig.out(0x04, address & 0xFF);
    rig.out(0x04, address >> 8 & 0xFF);
    rig.out(0x81, address >> 16);
    rig.out(0x05, bytes - 1 & 0xFF);
    rig.out(0x05, bytes - 1 >> 8);
    rig.out(0x0A, 2);
  }

  private int numberAt(int address) {
    return (int) rig.memory.read(address, 4);
  }

  @Test
  void resetInterruptsOnceForFourSenseInterrupts() {
    int rises = irq.rises;
    rig.out(DOR, 0x18);
    assertThat(rig.in(MSR)).as("held in reset").isZero();
    rig.out(DOR, 0x1C);
    assertThat(irq.level).isFalse();
    rig.settle();
    assertThat(irq.rises).isEqualTo(rises + 1);
    for (int drive = 0; drive < 4; drive++) {
      command(0x08);
      assertThat(irq.level).isFalse();
      assertThat(results()).containsExactly(0xC0 | drive, 0);
    }
    assertThat(irq.rises).as("one for all four").isEqualTo(rises + 1);
    command(0x08);
    assertThat(results()).as("no more").containsExactly(0x80);
  }

  @Test
  void eachOfTwoSeeksThatEndTogetherInterrupts() {
    int rises = irq.rises;
    command(0x0F, 0, 5);
    command(0x0F, 1, 5);
    rig.settle();
    command(0x08);
    assertThat(results()).containsExactly(0x20, 5);
    assertThat(irq.level).isTrue();
    assertThat(irq.rises).isEqualTo(rises + 2);
    command(0x08);
    assertThat(results()).containsExactly(0x21, 5);
    assertThat(irq.level).isFalse();
  }

  @Test
  void dsrResetClearsItself() {
    rig.out(MSR, 0x80);
    rig.settle();
    assertThat(irq.level).isTrue();
    command(0x08);
    assertThat(results()).containsExactly(0xC0, 0);
  }

  @Test
  void dsrResetWhileTheDorHoldsTheControllerDoesNothing() {
    rig.out(DOR, 0x18);
    rig.out(MSR, 0x80);
    rig.settle();
    assertThat(irq.level).isFalse();
    assertThat(rig.in(MSR)).isZero();
  }

  @Test
  void theDorGatesTheInterrupt() {
    command(0x07, 0);
    rig.out(DOR, 0x14);
    rig.settle();
    assertThat(irq.level).isFalse();
    rig.out(DOR, 0x1C);
    assertThat(irq.level).isTrue();
  }

  @Test
  void versionIsThatOfAnEnhancedController() {
    command(0x10);
    assertThat(results()).containsExactly(0x90);
    assertThat(irq.level).isFalse();
  }

  @Test
  void unknownCommandsAreInvalid() {
    for (int command : new int[] {0x18, 0x1F, 0x2E, 0x00, 0x11, 0xC5 | 0x20}) {
      command(command);
      assertThat(results()).as("%02x", command).containsExactly(0x80);
    }
  }

  @Test
  void dumpregShowsWhatWasSet() {
    command(0x13, 0x00, 0x57, 0x11);
    command(0x12, 0x80 | 0x04);
    command(0x94);
    assertThat(results()).containsExactly(0x10);
    seek(1, 9);
    command(0x0E);
    assertThat(results()).containsExactly(0, 9, 0, 0, 0xDF, 0x02, 0, 0x84, 0x57, 0x11);
  }

  @Test
  void lockedConfigurationSurvivesASoftwareReset() {
    command(0x13, 0x00, 0x57, 0x11);
    rig.out(MSR, 0x80);
    rig.settle();
    command(0x0E);
    assertThat(results()[8]).as("not locked").isEqualTo(0x20);
    command(0x13, 0x00, 0x57, 0x11);
    command(0x94);
    results();
    rig.out(MSR, 0x80);
    rig.settle();
    command(0x0E);
    assertThat(results()[8]).isEqualTo(0x57);
  }

  @Test
  void aSeekIsBusyUntilItsInterrupt() {
    command(0x0F, 0, 40);
    assertThat(rig.in(MSR)).isEqualTo(RQM | 0x01);
    assertThat(irq.level).as("never before the last byte returned").isFalse();
    rig.settle();
    assertThat(rig.in(MSR)).isEqualTo(RQM);
    assertThat(irq.level).isTrue();
    command(0x08);
    assertThat(results()).containsExactly(0x20, 40);
    assertThat(irq.level).isFalse();
  }

  @Test
  void relativeSeekCountsFromWhereTheHeadIs() {
    seek(0, 10);
    command(0xCF, 0, 5);
    rig.settle();
    command(0x08);
    assertThat(results()).containsExactly(0x20, 15);
    command(0x8F, 0, 3);
    rig.settle();
    command(0x08);
    assertThat(results()).containsExactly(0x20, 12);
  }

  @Test
  void recalibrateFindsTrack0OrSaysSo() {
    seek(0, 30);
    command(0x07, 0);
    rig.settle();
    command(0x08);
    assertThat(results()).containsExactly(0x20, 0);
    command(0x07, 3);
    rig.settle();
    command(0x08);
    assertThat(results()).as("no such drive").containsExactly(0x73, 0);
  }

  @Test
  void senseDriveStatusShowsTrack0AndWriteProtection() {
    command(0x04, 0x04);
    assertThat(results()).containsExactly(0x3C);
    seek(0, 3);
    floppy.insert(0, rig.backend(new MemoryDisk(SECTORS * 512, true)));
    command(0x04, 0x00);
    assertThat(results()).containsExactly(0x68);
  }

  @Test
  void theDiskChangeLineFallsWithAStepPulse() {
    assertThat(rig.in(DIR)).isEqualTo(0x80);
    command(0x07, 0);
    rig.settle();
    assertThat(rig.in(DIR)).as("no step was needed").isEqualTo(0x80);
    command(0x08);
    results();
    seek(0, 1);
    assertThat(rig.in(DIR)).isZero();
    floppy.insert(0, null);
    seek(0, 0);
    assertThat(rig.in(DIR)).as("empty").isEqualTo(0x80);
  }

  @Test
  void readDataStopsAtTerminalCountWithTheNextAddress() {
    seek(0, 2);
    dma(WRITE_TRANSFER, 0x10000, 1024);
    command(0xE6, 0x04, 2, 1, 5, 2, 18, 0x1B, 0xFF);
    assertThat(rig.in(MSR)).isEqualTo(CB);
    assertThat(irq.level).isFalse();
    rig.settle();
    assertThat(irq.level).isTrue();
    assertThat(results()).containsExactly(0x04, 0, 0, 2, 1, 7, 2);
    assertThat(irq.level).isFalse();
    int first = (2 * 2 + 1) * 18 + 4;
    assertThat(numberAt(0x10000)).isEqualTo(first);
    assertThat(numberAt(0x10200)).isEqualTo(first + 1);
    assertThat(numberAt(0x10400)).isZero();
    assertThat(medium.log).as("one request for the run").hasSize(1);
  }

  @Test
  void multiTrackGoesOnWithTheOtherSide() {
    dma(WRITE_TRANSFER, 0x10000, 36 * 512);
    assertThat(run(0xE6, 0x00, 0, 0, 1, 2, 18, 0x1B, 0xFF))
        .as("next: cylinder 1, head 0, sector 1")
        .containsExactly(0x00, 0, 0, 1, 0, 1, 2);
    for (int i = 0; i < 36; i++) {
      assertThat(numberAt(0x10000 + 512 * i)).isEqualTo(i);
    }
  }

  @Test
  void aTransferLongerThanTheTrackEndsWithEndOfCylinder() {
    dma(WRITE_TRANSFER, 0x10000, 20 * 512);
    assertThat(run(0x66, 0x00, 0, 0, 17, 2, 18, 0x1B, 0xFF))
        .containsExactly(0x40, 0x80, 0, 1, 0, 1, 2);
    assertThat(numberAt(0x10200)).isEqualTo(17);
  }

  @Test
  void aSectorThatIsNotOnTheTrackIsNoData() {
    dma(WRITE_TRANSFER, 0x10000, 512);
    assertThat(run(0x66, 0, 0, 0, 19, 2, 19, 0x1B, 0xFF))
        .containsExactly(0x40, 0x04, 0, 0, 0, 19, 2);
    assertThat(run(0x66, 0, 0, 0, 1, 3, 18, 0x1B, 0xFF)[1]).as("wrong size").isEqualTo(0x04);
    assertThat(run(0x66, 0, 5, 0, 1, 2, 18, 0x1B, 0xFF))
        .as("wrong cylinder")
        .startsWith(0x40, 0x04, 0x10);
  }

  @Test
  void seekPastTheLastCylinderFindsNoMarks() {
    seek(0, 82);
    dma(WRITE_TRANSFER, 0x10000, 512);
    assertThat(run(0x66, 0, 82, 0, 1, 2, 18, 0x1B, 0xFF)).startsWith(0x40, 0x01, 0);
  }

  @Test
  void theWrongDataRateFindsNoMarks() {
    rig.out(CCR, 2);
    assertThat(run(0x4A, 0)).startsWith(0x40, 0x01, 0);
    rig.out(CCR, 0);
    assertThat(run(0x4A, 0)).startsWith(0x00, 0x00, 0x00, 0, 0);
    assertThat(run(0x0A, 0)).as("FM").startsWith(0x40, 0x01, 0);
  }

  @Test
  void anEmptyDriveEndsWithAMissingMark() {
    assertThat(run(0x4A, 1)).startsWith(0x41, 0x01, 0);
  }

  @Test
  void readIdSeesOneSectorAfterTheOther() {
    int first = run(0x4A, 0)[5];
    assertThat(run(0x4A, 0)[5]).isEqualTo(first % 18 + 1);
  }

  @Test
  void writeDataPutsItOnTheMedium() {
    rig.memory.write(0x20000, 4, 0x12345678);
    rig.memory.write(0x20200, 4, 0x9ABCDEF0L);
    dma(READ_TRANSFER, 0x20000, 1024);
    assertThat(run(0xC5, 0, 0, 0, 3, 2, 18, 0x1B, 0xFF)).containsExactly(0, 0, 0, 0, 0, 5, 2);
    assertThat(medium.bytes[2 * 512]).isEqualTo((byte) 0x78);
    assertThat(medium.bytes[3 * 512 + 3]).isEqualTo((byte) 0x9A);
    assertThat(medium.bytes[4 * 512]).as("untouched").isEqualTo((byte) 4);
    assertThat(medium.log).containsExactly("write 1024+1024");
  }

  @Test
  void aShortWriteFillsTheSectorWithZeros() {
    rig.memory.write(0x20000, 4, 0x12345678);
    dma(READ_TRANSFER, 0x20000, 4);
    assertThat(run(0x45, 0, 0, 0, 1, 2, 18, 0x1B, 0xFF)[0]).isZero();
    assertThat(medium.bytes[3]).isEqualTo((byte) 0x12);
    assertThat(medium.bytes[511]).isZero();
    assertThat(medium.bytes[512]).isEqualTo((byte) 1);
  }

  @Test
  void aWriteProtectedMediumIsNotWritable() {
    floppy.insert(0, rig.backend(new MemoryDisk(SECTORS * 512, true)));
    dma(READ_TRANSFER, 0x20000, 512);
    assertThat(run(0x45, 0, 0, 0, 1, 2, 18, 0x1B, 0xFF)).startsWith(0x40, 0x02, 0);
    assertThat(run(0x4D, 0, 2, 18, 0x54, 0xF6)).startsWith(0x40, 0x02, 0);
  }

  @Test
  void aMaskedDmaChannelIsAnOverrun() {
    rig.out(0x0A, 6);
    assertThat(run(0x66, 0, 0, 0, 1, 2, 18, 0x1B, 0xFF)).startsWith(0x40, 0x10, 0);
  }

  @Test
  void aHostErrorIsADataError() {
    medium.failing = true;
    dma(WRITE_TRANSFER, 0x10000, 512);
    assertThat(run(0x66, 0, 0, 0, 4, 2, 18, 0x1B, 0xFF)).startsWith(0x40, 0x20, 0x20, 0, 0, 4);
  }

  @Test
  void formatTrackFillsEverySector() {
    seek(0, 1);
    for (int i = 0; i < 18; i++) {
      rig.memory.write(0x20000 + 4L * i, 4, 1 | 1 << 8 | (i + 1) << 16 | 2 << 24);
    }
    dma(READ_TRANSFER, 0x20000, 72);
    assertThat(run(0x4D, 4, 2, 18, 0x54, 0xF6)).startsWith(0x04, 0, 0);
    byte[] track = Arrays.copyOfRange(medium.bytes, 3 * 18 * 512, 4 * 18 * 512);
    byte[] filled = new byte[18 * 512];
    Arrays.fill(filled, (byte) 0xF6);
    assertThat(track).isEqualTo(filled);
    assertThat(medium.bytes[4 * 18 * 512]).isEqualTo((byte) 72);
  }

  @Test
  void formatWithoutSectorsWritesNothing() {
    command(0x03, 0xDF, 0x03);
    assertThat(run(0x4D, 0, 2, 0, 0x54, 0xF6)).startsWith(0, 0, 0);
    assertThat(medium.log).isEmpty();
  }

  @Test
  void impliedSeekMovesTheHead() {
    command(0x13, 0x00, 0x57, 0x00);
    dma(WRITE_TRANSFER, 0x10000, 512);
    assertThat(run(0x66, 0, 7, 0, 1, 2, 18, 0x1B, 0xFF)).containsExactly(0x20, 0, 0, 7, 0, 2, 2);
    assertThat(numberAt(0x10000)).isEqualTo(7 * 36);
  }

  @Test
  void nonDmaModeMovesEachByteThroughTheFifo() {
    command(0x03, 0xDF, 0x03);
    command(0x66, 0, 0, 0, 17, 2, 18, 0x1B, 0xFF);
    for (int sector = 17; sector <= 18; sector++) {
      rig.settle();
      assertThat(irq.level).isTrue();
      assertThat(rig.in(MSR)).isEqualTo(RQM | DIO | 0x20 | CB);
      assertThat(rig.in(FIFO)).isEqualTo(sector - 1);
      assertThat(irq.level).isFalse();
      for (int i = 1; i < 512; i++) {
        rig.in(FIFO);
      }
    }
    rig.settle();
    assertThat(results()).as("no terminal count").containsExactly(0x40, 0x80, 0, 1, 0, 1, 2);
    command(0x45, 0, 0, 0, 18, 2, 18, 0x1B, 0xFF);
    rig.settle();
    assertThat(rig.in(MSR)).isEqualTo(RQM | 0x20 | CB);
    for (int i = 0; i < 512; i++) {
      rig.out(FIFO, 0x5A);
    }
    rig.settle();
    assertThat(results()[1]).isEqualTo(0x80);
    assertThat(medium.bytes[18 * 512 - 1]).isEqualTo((byte) 0x5A);
  }

  @Test
  void verifyCountsItsSectors() {
    assertThat(run(0xF6, 0x80, 0, 0, 1, 2, 18, 0x1B, 20)).startsWith(0x04, 0, 0, 0, 1, 3);
    assertThat(run(0x76, 0x00, 0, 0, 1, 2, 18, 0x1B, 0xFF)).startsWith(0x00, 0, 0);
  }

  @ParameterizedTest
  @CsvSource({
    "160, 40, 1, 8, 2, 1",
    "180, 40, 1, 9, 2, 1",
    "320, 40, 2, 8, 2, 1",
    "360, 40, 2, 9, 2, 1",
    "720, 80, 2, 9, 2, 3",
    "1200, 80, 2, 15, 0, 2",
    "1440, 80, 2, 18, 0, 4",
    "1680, 80, 2, 21, 0, 4",
    "2880, 80, 2, 36, 3, 5",
    "100, 40, 1, 8, 2, 1",
    "1000, 80, 2, 15, 0, 2",
    "9999, 80, 2, 36, 3, 5"
  })
  void theFormatFollowsTheSizeOfTheImage(
      int kilobytes, int cylinders, int heads, int sectors, int rate, int driveType) {
    assertThat(Format.of(kilobytes * 1024L))
        .isEqualTo(new Format(cylinders, heads, sectors, rate, driveType));
  }

  @Test
  void everyFormatIsReadToItsLastSector() {
    for (int kilobytes : new int[] {160, 180, 320, 360, 720, 1200, 1440, 1680, 2880}) {
      medium = MemoryDisk.numbered(kilobytes * 2, 512);
      floppy.insert(0, rig.backend(medium));
      Format format = Format.of(medium.size());
      rig.out(CCR, format.rate());
      int cylinder = format.cylinders() - 1;
      int head = format.heads() - 1;
      seek(0, cylinder);
      dma(WRITE_TRANSFER, 0x10000, 512);
      int[] result =
          run(0x66, head << 2, cylinder, head, format.sectors(), 2, format.sectors(), 0x1B, 0xFF);
      assertThat(result[0]).as("%d KB", kilobytes).isEqualTo(head << 2);
      assertThat(numberAt(0x10000)).isEqualTo(kilobytes * 2 - 1);
    }
  }

  @Test
  void takingTheMediumOutEndsACommand() {
    dma(WRITE_TRANSFER, 0x10000, 512);
    command(0x66, 0, 0, 0, 1, 2, 18, 0x1B, 0xFF);
    floppy.insert(0, null);
    assertThat(results()).startsWith(0x40, 0x20, 0x20);
    rig.settle();
    assertThat(rig.in(MSR)).isEqualTo(RQM);
  }

  @Test
  void aRestoredControllerGoesOnAtEveryMoment() {
    for (int moment = 0; moment < 12; moment++) {
      dma(WRITE_TRANSFER, 0x10000, 18 * 512);
      command(0x66, 0, 0, 0, 1, 2, 18, 0x1B, 0xFF);
      for (int i = 0; i < moment; i++) {
        rig.run(rig.events.next() - rig.clock.nanos());
      }
      StorageRig other = new StorageRig();
      Line otherIrq = new Line();
      Dma8237 otherDma = new Dma8237(other.ports, other.memory);
      FloppyController copy = new FloppyController(other.board, otherDma, otherIrq, 2);
      copy.insert(0, other.backend(medium));
      other.clock.set(rig.clock.nanos());
      StorageRig.transplant(dma, otherDma);
      StorageRig.transplant(floppy, copy);
      other.settle();
      assertThat(otherIrq.level).as("moment %d", moment).isTrue();
      assertThat(other.clock.nanos()).isEqualTo(rig.clock.nanos() + remaining());
      assertThat(other.memory.read(0x10000 + 17 * 512L, 4)).isEqualTo(17);
      assertThat(results()).isNotEmpty();
    }
  }

  /** How long the original takes to its end. */
  private long remaining() {
    long now = rig.clock.nanos();
    rig.settle();
    long took = rig.clock.nanos() - now;
    return took;
  }
}
