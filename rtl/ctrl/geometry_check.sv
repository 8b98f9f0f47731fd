// What a geometry means for this machine: sizes, rounds and blocks of its vectors, and where they
// lie in the banks. A unit of a bank is a tile of every slot.
//
// start_i, then done_o for a cycle, with fits_o; shape_o stays.
module geometry_check #(
  parameter int unsigned Lanes  = 4,     // a power of two
  parameter int unsigned Slots  = 4,
  parameter int unsigned Words  = 4096,  // of a bank
  parameter int unsigned Blocks = 64     // of an activation buffer
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  logic                  start_i,
  input  accllm_pkg::geometry_t geometry_i,
  output logic                  done_o,
  output logic                  fits_o,
  output ctrl_pkg::shape_t      shape_o
);
  localparam int unsigned SizeW   = ctrl_pkg::SizeW;
  localparam int unsigned RoundW  = ctrl_pkg::RoundW;
  localparam int unsigned BlocksW = ctrl_pkg::BlocksW;
  localparam int unsigned UnitW   = ctrl_pkg::UnitW;
  localparam int unsigned HeadW   = 13;  // of heads and their dimensions: at most 4096
  localparam int unsigned TileW   = 3;
  localparam int unsigned RowsW   = $clog2(Lanes) + TileW;  // of a round's rows
  localparam int unsigned BlockW  = 8;
  localparam int unsigned Units   = Words / (8 * Slots);
  if (Units >= 2 ** UnitW || Blocks >= 2 ** BlocksW) begin : gen_check_sizes
    $error("Words and Blocks are too large for ctrl_pkg");
  end

  function automatic logic is_size(logic [31:0] value);
    is_size = value != '0 && value <= 32'h0400_0000;
  endfunction
  function automatic logic is_count(logic [31:0] value);
    is_count = value != '0 && value <= 32'd4096;
  endfunction

  // What can be seen at once, and products.
  logic                is_plain_q;
  logic [2*HeadW-1:0]  query_q, key_q;
  always_ff @(posedge clk_i) begin
    is_plain_q <= geometry_i.lanes == 32'(Lanes) && geometry_i.slots != '0
                  && geometry_i.slots <= 32'(Slots) && is_size(geometry_i.hidden)
                  && is_size(geometry_i.intermediate) && is_size(geometry_i.vocab)
                  && is_count(geometry_i.heads) && is_count(geometry_i.kv_heads)
                  && is_count(geometry_i.head_dim) && !geometry_i.head_dim[0];
    query_q <= geometry_i.heads[HeadW-1:0] * geometry_i.head_dim[HeadW-1:0];
    key_q   <= geometry_i.kv_heads[HeadW-1:0] * geometry_i.head_dim[HeadW-1:0];
  end

  // Place by place, in four cycles each.
  logic [1:0]                  phase_q;
  logic [ctrl_pkg::PlaceW-1:0] place_q;
  logic                        busy_q, is_last;
  logic [SizeW-1:0]            size, size_q, up_rounds, up_blocks;
  logic [UnitW:0]              next_base, base_q;
  logic                        too_many_q;
  assign is_last = busy_q && phase_q == 2'd3 && place_q == ctrl_pkg::PlaceOutput;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else if (start_i) busy_q <= 1'b1;
    else if (is_last) busy_q <= 1'b0;
    done_o <= rst_ni && is_last;
    if (start_i) {place_q, phase_q} <= '0;
    else {place_q, phase_q} <= {place_q, phase_q} + 1'b1;
  end

  always_comb begin
    unique case (place_q)
      accllm_pkg::VectorStream:                           size = geometry_i.hidden[SizeW-1:0];
      accllm_pkg::VectorQuery, accllm_pkg::VectorMixed:   size = SizeW'(query_q);
      accllm_pkg::VectorKey, accllm_pkg::VectorValue:     size = SizeW'(key_q);
      accllm_pkg::VectorGate:                     size = geometry_i.intermediate[SizeW-1:0];
      ctrl_pkg::PlaceScratch:                             size = geometry_i.hidden[SizeW-1:0];
      default:                                            size = geometry_i.vocab[SizeW-1:0];
    endcase
  end
  assign up_rounds = size_q + SizeW'(2 ** RowsW - 1);
  assign up_blocks = size_q + SizeW'(2 ** BlockW - 1);

  logic [ctrl_pkg::Places*SizeW-1:0]   sizes;
  logic [ctrl_pkg::Places*RoundW-1:0]  rounds;
  logic [ctrl_pkg::Places*BlocksW-1:0] blocks;
  logic [ctrl_pkg::Places*UnitW-1:0]   bases;
  logic [RoundW-1:0]  rounds_q;
  logic [SizeW-BlockW-1:0] blocks_q;
  logic               is_kept;  // in the banks
  logic               is_coded;
  assign is_kept   = place_q != ctrl_pkg::PlaceOutput;
  assign is_coded  = is_kept && place_q != accllm_pkg::VectorKey
                     && place_q != accllm_pkg::VectorValue;
  assign next_base = base_q + (UnitW+1)'(rounds_q);
  always_ff @(posedge clk_i) begin
    size_q   <= size;
    rounds_q <= RoundW'(up_rounds[SizeW-1:RowsW]);
    blocks_q <= up_blocks[SizeW-1:BlockW];
    if (start_i) begin
      base_q     <= '0;
      too_many_q <= 1'b0;
    end else if (busy_q && phase_q == 2'd3) begin
      if (is_kept) base_q <= next_base;
      if (is_kept && (rounds_q > RoundW'(Units) || next_base > (UnitW+1)'(Units))) begin
        too_many_q <= 1'b1;
      end
      if (is_coded && blocks_q > (SizeW-BlockW)'(Blocks)) too_many_q <= 1'b1;
    end
  end
  for (genvar i = 0; i < ctrl_pkg::Places; i++) begin : gen_place
    always_ff @(posedge clk_i) begin
      if (busy_q && phase_q == 2'd3 && place_q == ctrl_pkg::PlaceW'(i)) begin
        sizes[SizeW*i +: SizeW]      <= size_q;
        rounds[RoundW*i +: RoundW]   <= rounds_q;
        blocks[BlocksW*i +: BlocksW] <= blocks_q[BlocksW-1:0];
        bases[UnitW*i +: UnitW]      <= base_q[UnitW-1:0];
      end
    end
  end
  assign shape_o = {sizes, rounds, blocks, bases};
  assign fits_o = is_plain_q && !too_many_q;

  logic unused;
  assign unused = ^{geometry_i, up_rounds, up_blocks};
endmodule
