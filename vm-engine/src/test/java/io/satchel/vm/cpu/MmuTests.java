package io.satchel.vm.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.satchel.vm.bus.IoPorts;
import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Page walks and what the soft TLB remembers (SDM volume 3, chapter 4). */
class MmuTests {

  private static final long P = 1;
  private static final long RW = 2;
  private static final long US = 4;
  private static final long A = 1 << 5;
  private static final long D = 1 << 6;
  private static final long PS = 1 << 7;
  private static final long G = 1 << 8;
  private static final long NX = 1L << 63;

  private static final int DIRECTORY = 0x1_0000;
  private static final int TABLE = 0x1_1000;

  private final AddressMap map = new AddressMap(new GuestMemory(16 << 20, 0));
  private final Mmu mmu = new Mmu(map);
  private final CpuState cpu = new CpuState(mmu, new IoPorts(), CpuModel.named("max"));

  @BeforeEach
  void memory() {
    map.mapMemory(0, 16 << 20, 0);
  }

  private void paging32(long directoryEntry, long tableEntry) {
    map.write(DIRECTORY, 4, directoryEntry);
    map.write(TABLE + 4 * 5, 4, tableEntry);
    cpu.cr0 |= CpuState.CR0_PE | CpuState.CR0_PG;
    cpu.cr3 = DIRECTORY;
    mmu.flushAll();
  }

  private void fault(int errorCode, Runnable access) {
    assertThatExceptionOfType(GuestFault.class)
        .isThrownBy(access::run)
        .satisfies(
            f -> {
              assertThat(f.vector()).isEqualTo(GuestFault.PF);
              assertThat(f.errorCode()).isEqualTo(errorCode);
            });
  }

  @Test
  void aReadGoesThroughBothLevelsAndSetsAccessedBits() {
    paging32(TABLE | P | RW, 0x20_0000 | P);
    map.write(0x20_0123, 4, 0xCAFE);
    assertThat(mmu.read(0x5123, 4)).isEqualTo(0xCAFE);
    assertThat(map.read(DIRECTORY, 4) & (A | D)).isEqualTo(A);
    assertThat(map.read(TABLE + 20, 4) & (A | D)).isEqualTo(A);
  }

  @Test
  void aWriteSetsTheDirtyBitAlsoAfterARead() {
    paging32(TABLE | P | RW, 0x20_0000 | P | RW);
    mmu.read(0x5000, 1);
    mmu.write(0x5000, 1, 1);
    assertThat(map.read(TABLE + 20, 4) & D).isEqualTo(D);
  }

  @Test
  void faultsTellWhatWasTriedAndSetCr2() {
    paging32(TABLE | P | RW | US, 0);
    fault(0, () -> mmu.read(0x5678, 1));
    assertThat(cpu.cr2).isEqualTo(0x5678);
    fault(2, () -> mmu.write(0x5678, 1, 0));
    cpu.cpl = 3;
    fault(4, () -> mmu.read(0x5678, 1));
    fault(6, () -> mmu.checkWrite(0x5678, 1));
    paging32(TABLE | P | RW | US, 0x20_0000 | P | RW);
    fault(5, () -> mmu.read(0x5678, 1));
    assertThat(mmu.readSystem(0x5678, 1)).isZero();
  }

  @Test
  void writeProtectBindsTheSupervisorOnlyWithWp() {
    paging32(TABLE | P | RW, 0x20_0000 | P);
    mmu.write(0x5000, 4, 7);
    assertThat(map.read(0x20_0000, 4)).isEqualTo(7);
    cpu.cr0 |= CpuState.CR0_WP;
    mmu.flushAll();
    fault(3, () -> mmu.write(0x5000, 4, 8));
  }

  @Test
  void aWriteAcrossPagesThatFaultsOnTheSecondChangesNothing() {
    paging32(TABLE | P | RW, 0x20_0000 | P | RW);
    fault(2, () -> mmu.write(0x5FFE, 4, -1));
    assertThat(cpu.cr2).isEqualTo(0x6000);
    assertThat(map.read(0x20_0FFE, 2)).isZero();
  }

  @Test
  void anAccessAcrossPagesUsesBothTranslations() {
    paging32(TABLE | P | RW, 0x20_0000 | P | RW);
    map.write(TABLE + 24, 4, 0x10_0000 | P | RW);
    mmu.write(0x5FFE, 4, 0x4433_2211);
    assertThat(map.read(0x20_0FFE, 2)).isEqualTo(0x2211);
    assertThat(map.read(0x10_0000, 2)).isEqualTo(0x4433);
    assertThat(mmu.read(0x5FFE, 4)).isEqualTo(0x4433_2211);
  }

  @Test
  void largePagesNeedPse() {
    paging32(0x40_0000 | P | RW | PS, 0);
    cpu.cr4 |= CpuState.CR4_PSE;
    map.write(0x40_5000, 4, 99);
    assertThat(mmu.read(0x5000, 4)).isEqualTo(99);
    map.write(DIRECTORY, 4, 0x40_0000 | P | RW | PS | 1 << 21);
    mmu.flushAll();
    fault(9, () -> mmu.read(0x5000, 4));
  }

  @Test
  void invlpgForgetsEveryPieceOfALargePage() {
    paging32(0x40_0000 | P | RW | PS, 0);
    cpu.cr4 |= CpuState.CR4_PSE;
    mmu.read(0x5000, 4);
    mmu.read(0x9000, 4);
    map.write(DIRECTORY, 4, 0);
    mmu.flushPage(0x5000);
    fault(0, () -> mmu.read(0x9000, 4));
  }

  @Test
  void globalPagesSurviveALoadOfCr3() {
    cpu.cr4 |= CpuState.CR4_PGE;
    paging32(TABLE | P | RW, 0x20_0000 | P | RW | G);
    map.write(TABLE + 24, 4, 0x10_0000 | P | RW);
    mmu.read(0x5000, 4);
    mmu.read(0x6000, 4);
    map.write(DIRECTORY, 4, 0);
    mmu.flushNonGlobal();
    assertThat(mmu.read(0x5000, 4)).isZero();
    fault(0, () -> mmu.read(0x6000, 4));
  }

  private void pae(long directoryEntry, long tableEntry) {
    map.write(0x1_2000, 8, DIRECTORY | P);
    map.write(DIRECTORY, 8, directoryEntry);
    map.write(TABLE + 8 * 5, 8, tableEntry);
    cpu.cr0 |= CpuState.CR0_PE | CpuState.CR0_PG;
    cpu.cr4 |= CpuState.CR4_PAE;
    cpu.efer |= CpuState.EFER_NXE;
    cpu.cr3 = 0x1_2000;
    mmu.flushAll();
  }

  @Test
  void paeWalksThreeLevelsAndKnowsNoExecute() {
    pae(TABLE | P | RW | US, 0x20_0000 | P | RW | US | NX);
    map.write(0x20_0000, 4, 5);
    assertThat(mmu.read(0x5000, 4)).isEqualTo(5);
    fault(0x11, () -> mmu.fetch(0x5000));
    cpu.efer = 0;
    mmu.flushAll();
    fault(9, () -> mmu.read(0x5000, 4));
  }

  @Test
  void paeLargePagesAreOfTwoMegabytes() {
    pae(0x20_0000 | P | RW | PS, 0);
    map.write(0x3F_F000, 4, 5);
    assertThat(mmu.read(0x1F_F000, 4)).isEqualTo(5);
  }

  @Test
  void bitsAboveThePhysicalAddressWidthAreReserved() {
    pae(TABLE | P | RW, 0x20_0000 | P | RW | 1L << 51);
    fault(9, () -> mmu.read(0x5000, 4));
  }

  @Test
  void fourLevelPagingReachesTheUpperHalf() {
    map.write(0x1_3000 + 8 * 256, 8, 0x1_2000 | P | RW);
    pae(TABLE | P | RW, 0x20_0000 | P | RW);
    cpu.efer |= CpuState.EFER_LMA;
    cpu.cr3 = 0x1_3000;
    mmu.flushAll();
    mmu.write(0xFFFF_8000_0000_5008L, 8, 0x1122_3344_5566_7788L);
    assertThat(map.read(0x20_0008, 8)).isEqualTo(0x1122_3344_5566_7788L);
  }

  @Test
  void a20ClosedFoldsTheSecondMegabyte() {
    map.write(0x123, 1, 1);
    map.write(0x10_0123, 1, 2);
    assertThat(mmu.read(0x10_0123, 1)).isEqualTo(2);
    cpu.setA20(false);
    assertThat(mmu.read(0x10_0123, 1)).isEqualTo(1);
  }

  @Test
  void emptyAddressesReadAllOnes() {
    assertThat(mmu.read(0xE000_0000L, 4)).isEqualTo(0xFFFF_FFFFL);
    mmu.write(0xE000_0000L, 4, 0);
  }

  @Test
  void writesMarkTheirPageAgainAfterTheMarksWereTaken() {
    boolean[] dirty = new boolean[1];
    mmu.write(0x5000, 4, 1);
    map.takeDirty(0x5000, 0x1000, dirty);
    assertThat(dirty[0]).isTrue();
    map.takeDirty(0x5000, 0x1000, dirty);
    assertThat(dirty[0]).isFalse();
    mmu.write(0x5000, 4, 1);
    map.takeDirty(0x5000, 0x1000, dirty);
    assertThat(dirty[0]).isTrue();
  }
}
