package io.satchel.vm.cpu.translate;

import static java.lang.constant.ConstantDescs.CD_int;

import io.satchel.vm.cpu.CpuState;
import io.satchel.vm.cpu.Mode;
import io.satchel.vm.cpu.decode.Effect;
import io.satchel.vm.cpu.decode.Instruction;
import java.lang.classfile.Attributes;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns regions into hidden classes. What belongs to the machine is {@code static final} in them,
 * which HotSpot folds; nothing but the instance refers to them, so they unload with it.
 */
final class Translator {

  /** HotSpot never compiles a longer method. */
  static final int MAX_BYTES = 7900;

  /** What a generated class gets from its lookup. */
  record Constants(
      CpuState cpu, long[] gpr, Access access, Instruction[] instructions, Effect[] effects) {}

  private static final String NAME = Translator.class.getPackageName() + ".Generated";
  private static final ClassDesc SELF = ClassDesc.of(NAME);
  private static final ClassDesc LONGS = ClassDesc.ofDescriptor("[J");
  private static final ClassDesc CONSTANTS = ClassDesc.of(Constants.class.getName());
  private static final ClassDesc INSTRUCTION = ClassDesc.of(Instruction.class.getName());
  private static final ClassDesc EFFECT = ClassDesc.of(Effect.class.getName());
  private static final ClassDesc HANDLES = ClassDesc.of("java.lang.invoke.MethodHandles");
  private static final ClassDesc LOOKUP = ClassDesc.of("java.lang.invoke.MethodHandles$Lookup");

  private final CpuState cpu;
  private final Access user;
  private final Access system;

  Translator(CpuState cpu) {
    this.cpu = cpu;
    user = Access.of(cpu, true);
    system = Access.of(cpu, false);
  }

  /** What a translation gave: {@code code} is null when the method would be too long. */
  record Result(
      @Nullable CompiledRegion code,
      int bytes,
      long[] siteRips,
      int[] siteCounts,
      long[] exitRips) {}

  /** Compiles a region; from any thread. */
  Result translate(Region region) {
    FlagFlow.analyse(region.nodes);
    List<RegionWriter> writers = new ArrayList<>();
    byte[] file =
        ClassFile.of()
            .build(
                SELF,
                builder -> {
                  builder.withFlags(ClassFile.ACC_FINAL | ClassFile.ACC_SYNTHETIC);
                  builder.withSuperclass(Emitter.REGION);
                  field(builder, "C", Emitter.CPU);
                  field(builder, "G", LONGS);
                  field(builder, "M", Emitter.ACCESS);
                  builder.withMethodBody(
                      "run",
                      MethodTypeDesc.of(CD_int, CD_int, CD_int),
                      0,
                      code -> {
                        RegionWriter writer = new RegionWriter(region, code, SELF);
                        writer.write();
                        writers.add(writer);
                      });
                  builder.withMethodBody(
                      ConstantDescs.INIT_NAME,
                      ConstantDescs.MTD_void,
                      0,
                      code ->
                          code.aload(0)
                              .invokespecial(
                                  Emitter.REGION, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                              .return_());
                  int effects = writers.getLast().effects().size();
                  for (int n = 0; n < effects; n++) {
                    field(builder, "i" + n, INSTRUCTION);
                    field(builder, "e" + n, EFFECT);
                  }
                  builder.withMethodBody(
                      ConstantDescs.CLASS_INIT_NAME,
                      ConstantDescs.MTD_void,
                      ClassFile.ACC_STATIC,
                      code -> initialise(code, effects));
                });
    RegionWriter writer = writers.getLast();
    int bytes = size(file);
    if (bytes > MAX_BYTES) {
      return new Result(null, bytes, new long[0], new int[0], new long[0]);
    }
    CompiledRegion code = define(file, region, writer);
    code.links = new @Nullable Region[writer.exits()];
    return new Result(code, bytes, writer.siteRips(), writer.siteCounts(), writer.exitRips());
  }

  /** Bytes of the method that runs the region. */
  private static int size(byte[] file) {
    return ClassFile.of().parse(file).methods().stream()
        .filter(method -> method.methodName().equalsString("run"))
        .flatMap(method -> method.findAttribute(Attributes.code()).stream())
        .mapToInt(CodeAttribute::codeLength)
        .sum();
  }

  private static void field(ClassBuilder builder, String name, ClassDesc type) {
    builder.withField(name, type, ClassFile.ACC_STATIC | ClassFile.ACC_FINAL);
  }

  private static void initialise(CodeBuilder code, int effects) {
    code.invokestatic(HANDLES, "lookup", MethodTypeDesc.of(LOOKUP));
    code.loadConstant("_").loadConstant(CONSTANTS);
    code.invokestatic(
        HANDLES,
        "classData",
        MethodTypeDesc.of(
            ConstantDescs.CD_Object, LOOKUP, ConstantDescs.CD_String, ConstantDescs.CD_Class));
    code.checkcast(CONSTANTS).astore(0);
    constant(code, "cpu", "C", Emitter.CPU);
    constant(code, "gpr", "G", LONGS);
    constant(code, "access", "M", Emitter.ACCESS);
    for (int n = 0; n < effects; n++) {
      element(code, "instructions", n, "i" + n, INSTRUCTION);
      element(code, "effects", n, "e" + n, EFFECT);
    }
    code.return_();
  }

  private static void constant(CodeBuilder code, String from, String to, ClassDesc type) {
    code.aload(0).invokevirtual(CONSTANTS, from, MethodTypeDesc.of(type));
    code.putstatic(SELF, to, type);
  }

  private static void element(CodeBuilder code, String from, int n, String to, ClassDesc type) {
    code.aload(0).invokevirtual(CONSTANTS, from, MethodTypeDesc.of(type.arrayType()));
    code.loadConstant(n).aaload().putstatic(SELF, to, type);
  }

  private CompiledRegion define(byte[] file, Region region, RegionWriter writer) {
    List<Instruction> instructions = writer.effects();
    Constants constants =
        new Constants(
            cpu,
            cpu.gpr,
            (region.mode & Mode.USER) != 0 ? user : system,
            instructions.toArray(Instruction[]::new),
            instructions.stream().map(i -> i.row().effect()).toArray(Effect[]::new));
    try {
      return (CompiledRegion)
          MethodHandles.lookup()
              .defineHiddenClassWithClassData(file, constants, true)
              .lookupClass()
              .getDeclaredConstructor()
              .newInstance();
    } catch (IllegalAccessException
        | InstantiationException
        | InvocationTargetException
        | NoSuchMethodException e) {
      throw new IllegalStateException("a generated class does not load", e);
    }
  }
}
