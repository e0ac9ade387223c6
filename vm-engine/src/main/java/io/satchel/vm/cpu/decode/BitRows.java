package io.satchel.vm.cpu.decode;

import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.LOCK;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.ONLY64;
import static io.satchel.vm.cpu.decode.OpcodeMap.Trait.PROTECTED;

import io.satchel.vm.cpu.semantics.BitManipulation;

/** POPCNT, LZCNT, BMI1, BMI2, ADX, MOVBE, CRC32, CMPXCHG16B, RDRAND and RDSEED. */
final class BitRows {

  private BitRows() {}

  static void add(OpcodeMap map) {
    map.effect(0x0FB8, "POPCNT Gv,Ev F3 +POPCNT", BitManipulation::popcnt)
        .effect(0x0FBD, "LZCNT Gv,Ev F3 +LZCNT", BitManipulation::lzcnt)
        .effect(0x0FBC, "TZCNT Gv,Ev F3 +BMI1", BitManipulation::tzcnt)
        .effect(0x0F38F0, "MOVBE Gv,Mv np +MOVBE", BitManipulation::movbeLoad)
        .effect(0x0F38F0, "MOVBE Gv,Mv 66 +MOVBE", BitManipulation::movbeLoad)
        .effect(0x0F38F1, "MOVBE Mv,Gv np +MOVBE", BitManipulation::movbeStore)
        .effect(0x0F38F1, "MOVBE Mv,Gv 66 +MOVBE", BitManipulation::movbeStore)
        .effect(0x0F38F0, "CRC32 Gy,Eb F2 +SSE4_2", BitManipulation::crc32Byte)
        .effect(0x0F38F1, "CRC32 Gy,Ev F2 +SSE4_2", BitManipulation::crc32)
        .effect(0x0F38F6, "ADCX Gy,Ey 66 +ADX", BitManipulation::adcx)
        .effect(0x0F38F6, "ADOX Gy,Ey F3 +ADX", BitManipulation::adox)
        .effect(0x0FC7, "CMPXCHG16B Mx /1 W1 +CX16", BitManipulation::cmpxchg16b, LOCK, ONLY64)
        .effect(0x0FC7, "RDRAND Rv /6 np +RDRAND", BitManipulation::rdrand)
        .effect(0x0FC7, "RDRAND Rv /6 66 +RDRAND", BitManipulation::rdrand)
        .effect(0x0FC7, "RDSEED Rv /7 np +RDSEED", BitManipulation::rdrand)
        .effect(0x0FC7, "RDSEED Rv /7 66 +RDSEED", BitManipulation::rdrand);
    vex(map, 0x0F38F2, "ANDN Gy,By,Ey np", "BMI1", BitManipulation::andn);
    vex(map, 0x0F38F7, "BEXTR Gy,Ey,By np", "BMI1", BitManipulation::bextr);
    vex(map, 0x0F38F3, "BLSR By,Ey np /1", "BMI1", BitManipulation::blsr);
    vex(map, 0x0F38F3, "BLSMSK By,Ey np /2", "BMI1", BitManipulation::blsmsk);
    vex(map, 0x0F38F3, "BLSI By,Ey np /3", "BMI1", BitManipulation::blsi);
    vex(map, 0x0F38F5, "BZHI Gy,Ey,By np", "BMI2", BitManipulation::bzhi);
    vex(map, 0x0F38F5, "PEXT Gy,By,Ey F3", "BMI2", BitManipulation::pext);
    vex(map, 0x0F38F5, "PDEP Gy,By,Ey F2", "BMI2", BitManipulation::pdep);
    vex(map, 0x0F38F6, "MULX Gy,By,Ey F2", "BMI2", BitManipulation::mulx);
    vex(map, 0x0F38F7, "SHLX Gy,Ey,By 66", "BMI2", BitManipulation::shlx);
    vex(map, 0x0F38F7, "SHRX Gy,Ey,By F2", "BMI2", BitManipulation::shrx);
    vex(map, 0x0F38F7, "SARX Gy,Ey,By F3", "BMI2", BitManipulation::sarx);
    vex(map, 0x0F3AF0, "RORX Gy,Ey,Ib F2", "BMI2", BitManipulation::rorx);
  }

  private static void vex(OpcodeMap map, int opcode, String text, String feature, Effect effect) {
    map.effect(opcode, text + " vex L0 +" + feature, effect, PROTECTED);
  }
}
