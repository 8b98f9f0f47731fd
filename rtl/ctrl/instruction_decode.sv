// An instruction's beat as a step, and whether this machine can run it: opcode and fields, and that
// they fit the geometry and what the instructions before left.
//
// Norms read the stream; quantize reads what SiLU or attention wrote last, before anything else
// makes a largest magnitude. Attention is for geometries that fit it, without norms of heads.
module instruction_decode (
  input  logic                      clk_i,
  input  logic                      clear_i,   // a program begins
  input  logic                      take_i,    // the instruction counts for those that follow
  input  accllm_pkg::instruction_t  instruction_i,
  input  logic [ctrl_pkg::IndexW-1:0] index_i,
  input  ctrl_pkg::shape_t          shape_i,
  input  logic                      has_attention_i,
  output ctrl_pkg::step_t           step_o,
  output logic                      is_legal_o
);
  localparam int unsigned BlocksW = ctrl_pkg::BlocksW;
  localparam int unsigned PlaceW  = ctrl_pkg::PlaceW;

  function automatic logic is_vector(logic [31:0] value);
    is_vector = value <= 32'(accllm_pkg::VectorGate);
  endfunction

  // What is known of the machine after the instructions that were taken.
  logic                 has_stream_q, has_largest_q;
  logic [PlaceW-1:0]    largest_q;  // the vector that it is of
  logic [2*BlocksW-1:0] blocks_q;   // of the buffers; 0: nothing was quantised

  logic [31:0]       opcode;
  logic              is_load, is_norm, is_quantize, is_linear, is_output, is_silu, has_source;
  logic              is_store, is_attend, is_cache, makes_largest;
  logic [PlaceW-1:0] place;
  assign opcode      = instruction_i.opcode;
  assign is_load     = opcode == 32'(accllm_pkg::OpcodeLoad);
  assign is_norm     = opcode == 32'(accllm_pkg::OpcodeNorm);
  assign is_quantize = opcode == 32'(accllm_pkg::OpcodeQuantize);
  assign is_linear   = opcode == 32'(accllm_pkg::OpcodeLinear);
  assign is_store    = opcode == 32'(accllm_pkg::OpcodeStoreKv);
  assign is_attend   = opcode == 32'(accllm_pkg::OpcodeAttend);
  assign is_cache    = is_store || is_attend;
  assign is_output   = instruction_i.epilogue == 32'(accllm_pkg::EpilogueOutput);
  assign is_silu     = instruction_i.epilogue == 32'(accllm_pkg::EpilogueSiluMul);
  assign has_source  = is_norm || is_quantize;
  always_comb begin
    if (has_source || is_store) place = instruction_i.source[PlaceW-1:0];
    else if (is_linear && is_output) place = ctrl_pkg::PlaceOutput;
    else if (is_linear) place = instruction_i.destination[PlaceW-1:0];
    else if (is_attend) place = accllm_pkg::VectorMixed;
    else place = '0;  // the stream
  end

  logic [31:0] buffer;
  logic [BlocksW-1:0] buffer_blocks, blocks;
  assign buffer        = is_linear ? instruction_i.source : instruction_i.destination;
  assign buffer_blocks = buffer[0] ? blocks_q[BlocksW +: BlocksW] : blocks_q[0 +: BlocksW];
  assign blocks        = ctrl_pkg::blocks_at(shape_i.blocks, place);
  assign step_o = {
    index_i, opcode[2:0], instruction_i.format[1:0], instruction_i.epilogue[1:0], place, buffer[0],
    instruction_i.has_bias[0], instruction_i.blocks[BlocksW-1:0],
    is_cache ? instruction_i.keys : instruction_i.address,
    is_cache ? instruction_i.values : instruction_i.parameter_
  };

  logic is_linear_legal, is_vector_legal, is_stored, is_legal;
  assign is_vector_legal = is_output || (is_vector(instruction_i.destination)
                                         && !(has_largest_q && (is_silu || place == largest_q)));
  assign is_stored       = instruction_i.source == 32'(accllm_pkg::VectorKey)
                           || instruction_i.source == 32'(accllm_pkg::VectorValue);
  assign is_linear_legal = instruction_i.format <= 32'(accllm_pkg::WeightFormatDense8)
                           && instruction_i.epilogue <= 32'(accllm_pkg::EpilogueOutput)
                           && buffer_blocks != '0
                           && instruction_i.blocks == 32'(buffer_blocks) && is_vector_legal
                           && instruction_i.rows == 32'(ctrl_pkg::size_at(shape_i.sizes, place));
  always_comb begin
    unique case (1'b1)
      is_norm:     is_legal = instruction_i.source == 32'(accllm_pkg::VectorStream)
                              && has_stream_q && !has_largest_q;
      is_quantize: is_legal = is_vector(instruction_i.source) && has_largest_q
                              && place == largest_q;
      is_linear:   is_legal = is_linear_legal;
      is_load:     is_legal = !has_largest_q;
      is_store:    is_legal = has_attention_i && instruction_i.has_bias == '0 && is_stored;
      is_attend:   is_legal = has_attention_i && instruction_i.has_bias == '0 && !has_largest_q;
      default:     is_legal = opcode == 32'(accllm_pkg::OpcodeEnd);
    endcase
  end
  assign is_legal_o = is_legal && instruction_i.has_bias[31:1] == '0
                      && (buffer[31:1] == '0 || !(has_source || is_linear));

  assign makes_largest = (is_linear && is_silu) || is_attend;
  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      has_stream_q  <= 1'b0;
      has_largest_q <= 1'b0;
      blocks_q      <= '0;
    end else if (take_i) begin
      if (is_load || (is_linear && place == accllm_pkg::VectorStream)) has_stream_q <= 1'b1;
      if (makes_largest) has_largest_q <= 1'b1;
      else if (is_quantize) has_largest_q <= 1'b0;
      if (has_source) begin
        if (buffer[0]) blocks_q[BlocksW +: BlocksW] <= blocks;
        else blocks_q[0 +: BlocksW] <= blocks;
      end
    end
    if (take_i && makes_largest) largest_q <= place;
  end

  logic unused;
  assign unused = ^{instruction_i, shape_i};
endmodule
