// Generated from spec/accelerator.toml by tools/spec/generate.py; edit the spec, not this file.
package accllm_pkg;
  // Version of programs; a reader refuses any other.
  localparam int unsigned Version = 4;
  // A beat: what one memory channel gives a lane in one cycle.
  localparam int unsigned BeatBytes = 64;
  // Lanes of the largest machine; a lane has a memory channel of its own. A power of two.
  localparam int unsigned MaxLanes = 64;
  // Tokens of one pass, at most.
  localparam int unsigned MaxSlots = 16;
  // Floats that the vector unit of the largest machine takes a cycle.
  localparam int unsigned MaxVectorLanes = 1024;
  // Units of the largest machine that make KV4 of keys and values.
  localparam int unsigned MaxHeadUnits = 16;
  // Tiles of a lane whose row scales share one beat: 4 tiles of 8 rows, a bfloat16 each.
  localparam int unsigned ScaleTiles = 4;
  // Cache slots of one attention chunk.
  localparam int unsigned ChunkSlots = 32;
  // Buffers of quantised activations.
  localparam int unsigned ActivationBuffers = 2;

  // What an instruction does, for every token of a pass. Names of fields are those of
  // `Instruction`.
  localparam int unsigned OpcodeW = 3;
  typedef enum logic [2:0] {
    OpcodeEnd = 3'd0,
    OpcodeLoad = 3'd1,
    OpcodeNorm = 3'd2,
    OpcodeQuantize = 3'd3,
    OpcodeLinear = 3'd4,
    OpcodeStoreKv = 3'd5,
    OpcodeAttend = 3'd6
  } opcode_e;

  // How the weights of a stream are coded; blocks are those of the packed file.
  localparam int unsigned WeightFormatW = 2;
  typedef enum logic [1:0] {
    WeightFormatSparse24 = 2'd0,
    WeightFormatDense2 = 2'd1,
    WeightFormatDense4 = 2'd2,
    WeightFormatDense8 = 2'd3
  } weight_format_e;

  // What becomes of the results of `linear`, row by row as they come.
  localparam int unsigned EpilogueW = 2;
  typedef enum logic [1:0] {
    EpilogueStore = 2'd0,
    EpilogueAdd = 2'd1,
    EpilogueSiluMul = 2'd2,
    EpilogueOutput = 2'd3
  } epilogue_e;

  // Float vectors on the chip, one a token.
  localparam int unsigned VectorW = 3;
  typedef enum logic [2:0] {
    VectorStream = 3'd0,
    VectorQuery = 3'd1,
    VectorKey = 3'd2,
    VectorValue = 3'd3,
    VectorMixed = 3'd4,
    VectorGate = 3'd5
  } vector_e;

  // What is behind a lane's channel.
  localparam int unsigned MemoryW = 1;
  typedef enum logic [0:0] {
    MemoryHbm2 = 1'd0,
    MemoryDdr4 = 1'd1
  } memory_e;

  // What the kernel does.
  localparam int unsigned KernelStateW = 2;
  typedef enum logic [1:0] {
    KernelStateIdle = 2'd0,
    KernelStateRunning = 2'd1,
    KernelStateDraining = 2'd2
  } kernel_state_e;

  // Why the last pass stopped before its end. The first error counts; the next start clears it.
  localparam int unsigned KernelErrorW = 3;
  typedef enum logic [2:0] {
    KernelErrorNone = 3'd0,
    KernelErrorReadFailed = 3'd1,
    KernelErrorWriteFailed = 3'd2,
    KernelErrorIllegalInstruction = 3'd3,
    KernelErrorTruncatedProgram = 3'd4,
    KernelErrorIllegalPass = 3'd5,
    KernelErrorIllegalGeometry = 3'd6
  } kernel_error_e;

  localparam int unsigned InstructionBits = 512;
  // One beat. Fields that an opcode does not name are 0.
  typedef struct packed {
    logic [95:0] reserved;
    logic [31:0] layer;
    logic [31:0] values;
    logic [31:0] keys;
    logic [31:0] parameter_;
    logic [31:0] has_bias;
    logic [31:0] address;
    logic [31:0] blocks;
    logic [31:0] rows;
    logic [31:0] destination;
    logic [31:0] source;
    logic [31:0] epilogue;
    logic [31:0] format;
    logic [31:0] opcode;
  } instruction_t;

  localparam int unsigned GeometryBits = 768;
  // Registers that are written once, when a program is loaded.
  typedef struct packed {
    logic [31:0] reserved;
    logic [31:0] head_units;
    logic [31:0] vector_lanes;
    logic [31:0] memory;
    logic [31:0] clock_khz;
    logic [31:0] stripes;
    logic [31:0] image_stripes;
    logic [31:0] slots;
    logic [31:0] lanes;
    logic [31:0] output_address;
    logic [31:0] rope_address;
    logic [31:0] input_address;
    logic [31:0] embedding_format;
    logic [31:0] embedding_address;
    logic [31:0] ring_slots;
    logic [31:0] sink_slots;
    logic [31:0] window;
    logic [31:0] sinks;
    logic [31:0] vocab;
    logic [31:0] head_dim;
    logic [31:0] kv_heads;
    logic [31:0] heads;
    logic [31:0] intermediate;
    logic [31:0] hidden;
  } geometry_t;

  // Byte offsets in the kernel's AXI4-Lite window.
  localparam logic [11:0] RegControl = 12'h000;
  localparam logic [11:0] RegGlobalInterrupt = 12'h004;
  localparam logic [11:0] RegInterruptEnable = 12'h008;
  localparam logic [11:0] RegInterruptStatus = 12'h00c;
  localparam logic [11:0] RegMemory = 12'h010;
  localparam int unsigned RegMemoryStride = 12;
  localparam int unsigned RegMemoryCount = 64;
  localparam logic [11:0] RegInstructions = 12'h310;
  localparam logic [11:0] RegNInstructions = 12'h31c;
  localparam logic [11:0] RegGeometry = 12'h320;
  localparam logic [11:0] RegPosition = 12'h380;
  localparam logic [11:0] RegNTokens = 12'h38c;
  localparam logic [11:0] RegNOutputs = 12'h390;
  localparam logic [11:0] RegState = 12'h394;
  localparam logic [11:0] RegError = 12'h398;
  localparam logic [11:0] RegFailedInstruction = 12'h39c;
  localparam logic [11:0] RegFailedChannel = 12'h3a0;
  localparam logic [11:0] RegCycles = 12'h3a4;
  localparam logic [11:0] RegCyclesStreaming = 12'h3b0;
  localparam logic [11:0] RegCyclesMemoryStalls = 12'h3bc;
  localparam logic [11:0] RegCyclesVectorStalls = 12'h3c8;

  // Byte offset of word `i` of the memory registers.
  function automatic logic [11:0] memory_offset(int unsigned i);
    if (i < 128) memory_offset = 12'(32'h010 + 12 * (i / 2) + 4 * (i % 2));
    else memory_offset = 12'hfff;
  endfunction

  // Byte offset of word `i` of the argument registers.
  function automatic logic [11:0] argument_offset(int unsigned i);
    if (i < 2) argument_offset = 12'(32'h310 + 4 * i);
    else if (i < 3) argument_offset = 12'(32'h31c + 4 * (i - 2));
    else if (i < 27) argument_offset = 12'(32'h320 + 4 * (i - 3));
    else if (i < 29) argument_offset = 12'(32'h380 + 4 * (i - 27));
    else if (i < 30) argument_offset = 12'(32'h38c + 4 * (i - 29));
    else if (i < 31) argument_offset = 12'(32'h390 + 4 * (i - 30));
    else argument_offset = 12'hfff;
  endfunction

  // Byte offset of word `i` of the status registers.
  function automatic logic [11:0] status_offset(int unsigned i);
    if (i < 1) status_offset = 12'(32'h394 + 4 * i);
    else if (i < 2) status_offset = 12'(32'h398 + 4 * (i - 1));
    else if (i < 3) status_offset = 12'(32'h39c + 4 * (i - 2));
    else if (i < 4) status_offset = 12'(32'h3a0 + 4 * (i - 3));
    else if (i < 6) status_offset = 12'(32'h3a4 + 4 * (i - 4));
    else if (i < 8) status_offset = 12'(32'h3b0 + 4 * (i - 6));
    else if (i < 10) status_offset = 12'(32'h3bc + 4 * (i - 8));
    else if (i < 12) status_offset = 12'(32'h3c8 + 4 * (i - 10));
    else status_offset = 12'hfff;
  endfunction

  localparam int unsigned ArgumentsBits = 992;
  // Values that the host has written; the lowest bits are the first.
  typedef struct packed {
    logic [31:0] n_outputs;
    logic [31:0] n_tokens;
    logic [63:0] position;
    logic [767:0] geometry;
    logic [31:0] n_instructions;
    logic [63:0] instructions;
  } arguments_t;

  localparam int unsigned StatusBits = 384;
  // Values that the host reads.
  typedef struct packed {
    logic [63:0] cycles_vector_stalls;
    logic [63:0] cycles_memory_stalls;
    logic [63:0] cycles_streaming;
    logic [63:0] cycles;
    logic [31:0] failed_channel;
    logic [31:0] failed_instruction;
    logic [31:0] error;
    logic [31:0] state;
  } status_t;
endpackage
